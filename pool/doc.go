// Package pool keeps pools of ready LXD instances and leases them: one holder
// at a time, for a bounded time. It is the domain and the engine of lxd-pool;
// it imports the standard library only and meets the world through two ports,
// [Backend] (what runs instances) and [Store] (what remembers).
//
// # Words
//
// One word per thing, the same in Go, JSON, the command line and the docs.
//
//	pool       a named set of interchangeable instances, made from one spec
//	spec       what the owner asks of a pool
//	instance   one LXD container or virtual machine of a pool; its name is never used twice
//	lease      one holder's exclusive right to one instance until it expires
//	holder     who has the lease
//	ready      an instance that can be handed out this instant
//	spare      a made, stopped instance on the shelf
//	standby    how ready instances wait: running or frozen
//	recycle    what release does: replace or reset
//	template   the stopped instance that members are copied from
//	hold       a released instance kept for a look, with a reason and an end
//
// # How it works
//
// Every pool has one writer, a goroutine that owns the pool's state. A turn of
// the writer gathers everything that waits, gives ready instances to the queue
// in order, asks plan what is missing, commits once to the journal, and only
// then answers and starts work. Slow work (every call of the backend) runs on
// bounded workers outside the turn; its result comes back as a message. When a
// commit fails its outcome is unknown, so the pool drops what it knows, waits
// for its workers and starts again from its journal: there is no undo code.
package pool

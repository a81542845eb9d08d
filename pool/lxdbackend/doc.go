// Package lxdbackend runs the instances of pools on LXD: it is the
// [pool.Backend] over LXD's REST API, a [pool.Watcher] and a [pool.Guest].
//
// # Tags
//
// Ownership is written into LXD when an instance is made and never again:
//
//	user.lxd-pool.manager   whose it is
//	user.lxd-pool.pool      the pool it belongs to
//	user.lxd-pool.template  on templates only: what members are copied from it for,
//	                        or "building"
//
// A guest can read these keys, so nothing secret is in them. Whatever starts,
// resets or deletes an instance looks at the tags first; one without them is
// never touched.
//
// # Templates
//
// Members are copies of a template: an instance made from the image, started
// once, set up, stopped, and sealed, which removes what would give all copies
// one identity (machine-id, SSH host keys, leases, seeds, traces of the boot).
// A template is marked finished last of all, so that one left behind by a crash
// is recognised, deleted and built again. A member never ran before its first
// start; with recycle=reset its pristine snapshot is taken before that, so that
// nothing of one holder's identity reaches the next.
//
// # Habits towards LXD
//
// Every call and every wait is bound to a context; for that the client's own
// helpers for operations, exec and events, which wait without one and leave
// listeners behind, are not used. An error is not believed to say how things
// are: after one, the instance is looked at. An instance that is busy with
// another operation is waited for. What LXD knows is found out by its
// extensions, never by its version.
package lxdbackend

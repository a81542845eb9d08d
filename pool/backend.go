package pool

import (
	"context"
	"time"
)

// Backend runs instances. Every verb is idempotent and its end condition is
// the contract: nil means that the condition holds now, whoever brought it
// about. After an error the outcome is unknown and the next call decides by
// looking. A verb returns when ctx ends; what it began may still happen.
//
// Errors: [ErrUnavailable] when what runs the instances cannot be reached
// (nothing is wrong with the instance, try again), [ErrRejected] when the spec
// itself cannot be satisfied, [ErrGone] when there is no such instance; any
// other error speaks of this one instance. Errors carry the cause in the
// backend's own words, and for a failed start the end of the instance's log.
type Backend interface {
	// Vet nil: an instance of spec could be made, as far as can be told without
	// keeping one. It returns what Resolve returns.
	Vet(ctx context.Context, o Order) (Origin, error)
	// Resolve returns what an instance of the order's spec would be made from
	// now, by looking the image up again. It changes nothing.
	Resolve(ctx context.Context, o Order) (Origin, error)
	// Create nil: the instance exists, tagged with manager and pool, stopped,
	// clean, never started, with an identity of its own. It is made from
	// o.Origin if that can still be had, else from what Resolve returns; the
	// answer says which.
	Create(ctx context.Context, o Order) (Origin, error)
	// Start nil: the instance runs, is usable (addresses, probe) and is at the
	// standby level of the spec.
	Start(ctx context.Context, o Order) (Place, error)
	// Wake nil: an instance that waited at its standby level runs.
	Wake(ctx context.Context, o Order) error
	// Check nil: a ready instance is still there, at its standby level, and its
	// probe succeeds.
	Check(ctx context.Context, o Order) error
	// Reset nil: the instance is stopped and as Create left it: filesystem,
	// config, devices, snapshots. Only for specs with recycle=reset.
	Reset(ctx context.Context, o Order) error
	// Delete nil: there is no such instance, and nothing of it is left. Only
	// o.Instance and o.Spec's project count, so that what nobody remembers can
	// be deleted too. It never deletes an instance that does not carry the tag
	// of o.Manager.
	Delete(ctx context.Context, o Order) error
	// List returns every instance and template tagged with the manager, in
	// every project it can see, without asking each of them.
	List(ctx context.Context, manager ManagerID) ([]Seen, error)
}

// Order is what a verb of a backend is about.
type Order struct {
	Manager  ManagerID
	Pool     PoolName
	Instance InstanceName
	Spec     *Spec
	// Remote is the LXD that it is on, "" that of the pool. It says which backend
	// is asked (see [Elsewhere]); that one need not look at it.
	Remote RemoteName
	// Origin is what the instance is made from, "" when it was not looked up.
	Origin Origin
}

// Seen is one instance as a backend lists it.
type Seen struct {
	Name InstanceName
	Pool PoolName
	// Template is the origin that members are copied from it for; "" for a
	// member. A template under construction has the origin "building".
	Template Origin
	// Of is the member that it is an unfinished copy of, made by LXD to move it.
	Of      InstanceName
	Status  Status
	Place   Place // without addresses
	Created time.Time
}

// Building is the origin of a template that is not finished.
const Building Origin = "building"

// Status is what an instance is doing.
type Status string

// The statuses. Unknown is that of an instance whose cluster member is away:
// it says nothing about the instance.
const (
	Running Status = "running"
	Stopped Status = "stopped"
	Frozen  Status = "frozen"
	Unknown Status = "unknown"
)

// Watcher is a power that a [Backend] may have: to hint that something changed.
type Watcher interface {
	// Watch calls hint from one goroutine until ctx ends, reconnecting by
	// itself. Hints are neither complete nor in order; they only say "look
	// again". A hint without a name says that hints may have been lost.
	Watch(ctx context.Context, hint func(Hint))
}

// Hint says that an instance stopped, vanished or changed its status.
type Hint struct {
	Instance InstanceName
}

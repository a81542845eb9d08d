package pool

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Instance is what the journal knows of one instance. A value is never changed
// after it was committed: a change makes a new one, so that readers need no lock.
type Instance struct {
	Name  InstanceName `json:"name"`
	State State        `json:"state"`
	// Since is when it entered its state.
	Since time.Time `json:"since"`
	// Created is when its making was ordered.
	Created time.Time `json:"created"`
	// Origin is what it was made from; Spec is the hash of the spec's making
	// part ([Spec.Making]). An instance whose two differ from what its pool
	// wants now is outdated.
	Origin Origin `json:"origin,omitempty"`
	Spec   string `json:"spec,omitempty"`
	// ForkOf is the instance that it was copied from in use; it is never reset.
	ForkOf InstanceName `json:"fork_of,omitempty"`
	// Epoch is that of the pool when it was made.
	Epoch uint64 `json:"epoch,omitempty"`
	// Fence is the number of its latest lease. It only grows.
	Fence Fence `json:"fence,omitempty"`
	// Uses counts the leases that ended on it.
	Uses int `json:"uses,omitempty"`
	// Standby is the level that it was brought to when it became ready; running
	// once it was woken for a holder.
	Standby Standby `json:"standby,omitempty"`
	// Place says where it is and how it is reached, as last seen.
	Place Place `json:"place,omitzero"`
	// Moving says that a move is not over. Moved: one has been; it is never reset.
	Moving *Moving `json:"moving,omitempty"`
	Moved  bool    `json:"moved,omitempty"`
	// Lease is whose it is, while leased.
	Lease LeaseID `json:"lease,omitempty"`
	// Hold keeps it from being cleaned for a while.
	Hold *Hold `json:"hold,omitempty"`
	// Freed is when its hold ended, if that was after its lease: its cleaning
	// counts from then.
	Freed time.Time `json:"freed,omitzero"`
	// Reason says why it goes, once it is deleting, and Detail what led to that.
	Reason Reason `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Reason is why an instance goes.
type Reason string

// The reasons.
const (
	ReasonReleased     Reason = "released"    // its lease ended and the pool replaces
	ReasonSurplus      Reason = "surplus"     // more than the pool wants
	ReasonOutdated     Reason = "outdated"    // its spec or image has changed
	ReasonAged         Reason = "aged"        // older than max-age
	ReasonWorn         Reason = "worn"        // max-uses leases
	ReasonUnconfirmed  Reason = "unconfirmed" // LXD never confirmed that it was made
	ReasonCreateFailed Reason = "create-failed"
	ReasonStartFailed  Reason = "start-failed"
	ReasonCheckFailed  Reason = "check-failed" // while it was ready
	ReasonResetFailed  Reason = "reset-failed" // it could not be shown clean
	ReasonVanished     Reason = "vanished"     // deleted behind our back
	ReasonTampered     Reason = "tampered"     // started, stopped or paused behind our back
	ReasonMoved        Reason = "moved"        // its lease ended, and it was moved meanwhile
	ReasonHeld         Reason = "held"         // kept for a look after its lease
	ReasonLeaked       Reason = "leaked"       // tagged as ours, but nobody remembers it
	ReasonPoolReset    Reason = "pool-reset"   // an operator had the pool reset
	ReasonPoolDeleted  Reason = "pool-deleted" // an operator had the pool deleted
)

// Fence is a number that only grows for its instance. Whoever acts on an
// instance for a lease must show the lease's fence.
type Fence uint64

// Origin identifies what an instance is made from: the image's fingerprint,
// together with what else the backend bakes into a template.
type Origin string

// Place is where an instance is and how it is reached.
type Place struct {
	// Remote is the LXD that it was moved to, "" that of the pool.
	Remote    RemoteName `json:"remote,omitempty"`
	Project   string     `json:"project,omitempty"`
	Location  string     `json:"location,omitempty"`
	Addresses []Address  `json:"addresses,omitempty"`
}

func (p Place) equal(q Place) bool {
	return p.Remote == q.Remote && p.Project == q.Project && p.Location == q.Location && slices.Equal(p.Addresses, q.Addresses)
}

// Address is one global address of an instance.
type Address struct {
	// Family is "inet" or "inet6".
	Family    string `json:"family"`
	Address   string `json:"address"`
	Interface string `json:"interface"`
}

// Hold keeps an instance for a look after its lease has ended.
type Hold struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     Identity  `json:"by"`
	// Lease is the lease that it belongs to, and Holder who has or had that. The
	// engine sets them.
	Lease  LeaseID  `json:"lease"`
	Holder Identity `json:"holder"`
}

// Instances returns the instances of a pool, oldest first.
func (m *Manager) Instances(ctx context.Context, name PoolName) ([]*Instance, error) {
	w, err := m.writer(name)
	if err != nil {
		return nil, err
	}
	all, err := read(ctx, w, func(t *turn) ([]*Instance, error) {
		return slices.Collect(maps.Values(t.x.Instances)), nil
	})
	slices.SortFunc(all, func(a, b *Instance) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(string(a.Name), string(b.Name)))
	})
	return all, err
}

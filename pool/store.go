package pool

import (
	"context"
	"time"
)

// Store keeps the journals of the pools of one manager. One process at a time
// has a store open.
type Store interface {
	// Manager returns the identity of the manager whose store this is; it is
	// drawn when the store is made and never changes.
	Manager() ManagerID
	// Pools lists the pools that have a journal.
	Pools(ctx context.Context) ([]PoolName, error)
	// Open opens the journal of a pool for one writer, an empty one if there is
	// none yet. A second Open of the same pool before Close fails.
	Open(ctx context.Context, name PoolName) (Journal, error)
	// Remove deletes the journal of a pool. Nil: there is none.
	Remove(ctx context.Context, name PoolName) error
	// Close closes the store and every journal of it.
	Close() error
}

// Journal is the truth about one pool.
type Journal interface {
	// Load returns everything committed so far.
	Load(ctx context.Context) (*Memory, error)
	// Commit writes b, all or nothing. Nil: it is durable. An error leaves open
	// whether it was written; the caller closes, opens and loads again.
	Commit(ctx context.Context, b *Batch) error
	// Lost is closed when the right to write has ended.
	Lost() <-chan struct{}
	// Close ends the right to write. It is safe to call twice.
	Close() error
}

// Record is what a journal keeps about the pool itself.
type Record struct {
	Spec    Spec      `json:"spec"`
	Created time.Time `json:"created"`
	// Serial numbers the instances; Birth sets the names of one life of the pool
	// apart from those of an earlier pool of the same name.
	Serial uint64 `json:"serial"`
	Birth  string `json:"birth"`
	// Epoch counts the resets of the pool; an instance of an earlier one is
	// deleted when it is nobody's.
	Epoch uint64 `json:"epoch,omitempty"`
	// Disabled: no new leases. Doomed: the pool is being deleted.
	Disabled bool `json:"disabled,omitempty"`
	Doomed   bool `json:"doomed,omitempty"`
	// Keeper keeps the spec; Unkept: it no longer has the pool, which goes when
	// its leases have ended.
	Keeper Keeper `json:"keeper,omitempty"`
	Unkept bool   `json:"unkept,omitempty"`
	// Origin is what a new instance would be made from, as last looked up;
	// Proven is what the latest instance that became ready was made from.
	Origin Origin `json:"origin,omitempty"`
	Proven Origin `json:"proven,omitempty"`
	// Remotes are those that an instance was ever moved to; listings cover them.
	Remotes []RemoteName `json:"remotes,omitempty"`
	// Alive is a recent time at which the writer was at work, by the same clock
	// as the leases' Expires. After a restart a lease has Expires-Alive left, so
	// that neither downtime nor a changed clock shortens it.
	Alive time.Time `json:"alive"`
}

// Memory is the content of a journal.
type Memory struct {
	// Record is nil in a journal that nothing was ever committed to.
	Record    *Record
	Instances map[InstanceName]*Instance
	// Leases holds the running and the ended ones.
	Leases map[LeaseID]*Lease
}

// NewMemory returns an empty memory.
func NewMemory() *Memory {
	return &Memory{Instances: map[InstanceName]*Instance{}, Leases: map[LeaseID]*Lease{}}
}

// Batch is one commit: what is put, and (by a nil value) what is removed.
// The values in it are shared with the engine; a journal must not change them.
type Batch struct {
	// Record is nil when it did not change.
	Record    *Record
	Instances map[InstanceName]*Instance
	Leases    map[LeaseID]*Lease
}

// Empty reports whether there is nothing to commit.
func (b *Batch) Empty() bool {
	return b.Record == nil && len(b.Instances) == 0 && len(b.Leases) == 0
}

// Apply changes m as the batch says. It is what Commit means, for journals
// that keep their content in memory and for tests that compare.
func (b *Batch) Apply(m *Memory) {
	if b.Record != nil {
		m.Record = b.Record
	}
	for name, in := range b.Instances {
		if in == nil {
			delete(m.Instances, name)
		} else {
			m.Instances[name] = in
		}
	}
	for id, l := range b.Leases {
		if l == nil {
			delete(m.Leases, id)
		} else {
			m.Leases[id] = l
		}
	}
}

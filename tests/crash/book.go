package crash

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Book is what the holders were answered, and what they found wrong.
type Book struct {
	mu      sync.Mutex
	entries map[pool.LeaseID]*entry
	faults  []string
	counts  Counts
}

// Counts is how much happened.
type Counts struct {
	Grants, Renewals, Releases, Commands int
}

// entry is one answered lease. The lease itself lasted at least from granted to
// leaving: its answer came later than its grant, and its release is sent
// earlier than its end.
type entry struct {
	lease   *api.Lease
	granted time.Time
	// leaving is when its release was first sent, released whether it was answered.
	leaving  time.Time
	released bool
}

// NewBook returns an empty one.
func NewBook() *Book { return &Book{entries: map[pool.LeaseID]*entry{}} }

// Counts returns how much happened so far.
func (b *Book) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}

// Faults returns every promise that was found broken.
func (b *Book) Faults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.faults)
}

func (b *Book) fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

func (b *Book) count(f func(*Counts)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.counts)
}

func (b *Book) grant(l *api.Lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Grants++
	if b.entries[l.ID] != nil {
		b.faults = append(b.faults, fmt.Sprintf("lease %s was given to two requests", l.ID))
	}
	b.entries[l.ID] = &entry{lease: l, granted: time.Now()}
}

func (b *Book) leave(id pool.LeaseID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries[id].leaving = time.Now()
}

func (b *Book) release(id pool.LeaseID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Releases++
	b.entries[id].released = true
}

// kept returns the leases of a pool that nobody asked to release.
func (b *Book) kept(name pool.PoolName) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, e := range b.entries {
		if e.lease.Pool == name && e.leaving.IsZero() {
			n++
		}
	}
	return n
}

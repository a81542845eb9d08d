// Package memstore keeps journals in memory, for tests: it can fail a commit
// before or after writing it, take the right to write away, and hand its
// content to a next life as a disk does.
//
// It is stricter than the contract asks, so that an engine that bends it is
// found out: after one failed commit a journal refuses every further one until
// it was closed and opened again.
package memstore

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Store is a [pool.Store] in memory. Its methods may be called at the same time.
type Store struct {
	manager pool.ManagerID

	mu     sync.Mutex
	books  map[pool.PoolName]*pool.Memory
	open   map[pool.PoolName]*journal
	closed bool
	hook   func(pool.PoolName, *pool.Batch) Fault
}

var _ pool.Store = (*Store)(nil)

// New makes an empty store of that manager.
func New(manager pool.ManagerID) *Store {
	return &Store{
		manager: manager,
		books:   map[pool.PoolName]*pool.Memory{},
		open:    map[pool.PoolName]*journal{},
	}
}

// Reopen ends the life of s as kill -9 does and returns a store with the same
// content: whoever still writes to s has lost the right to, and s is closed.
// The new store has no faults. It is called once in the life of a store, which
// may have been closed before.
func (s *Store) Reopen() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.books == nil {
		panic("memstore: reopened twice: its content would have two writers")
	}
	for _, j := range s.open {
		j.lose()
	}
	s.closed = true
	next := New(s.manager)
	next.books, s.books = s.books, nil
	return next
}

// Manager implements [pool.Store].
func (s *Store) Manager() pool.ManagerID { return s.manager }

// Pools implements [pool.Store]. The names are sorted.
func (s *Store) Pools(ctx context.Context) ([]pool.PoolName, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "list journals"); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(s.books)), nil
}

// Open implements [pool.Store].
func (s *Store) Open(ctx context.Context, name pool.PoolName) (pool.Journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "open the journal of "+string(name)); err != nil {
		return nil, err
	}
	if s.open[name] != nil {
		return nil, pool.Errorf(pool.ErrLocked, "close it first", "cannot open the journal of %s: it is open", name)
	}
	if s.books[name] == nil {
		s.books[name] = pool.NewMemory()
	}
	j := &journal{store: s, name: name, lost: make(chan struct{})}
	s.open[name] = j
	return j, nil
}

// Remove implements [pool.Store]. It refuses an open journal.
func (s *Store) Remove(ctx context.Context, name pool.PoolName) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "remove the journal of "+string(name)); err != nil {
		return err
	}
	if s.open[name] != nil {
		return pool.Errorf(pool.ErrLocked, "close it first", "cannot remove the journal of %s: it is open", name)
	}
	delete(s.books, name)
	return nil
}

// Close implements [pool.Store]. It is safe to call twice.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.open {
		j.end()
	}
	s.closed = true
	return nil
}

func (s *Store) usable(ctx context.Context, deed string) error {
	if s.closed {
		return pool.Errorf(pool.ErrClosed, "", "cannot %s: the store is closed", deed)
	}
	return ctx.Err()
}

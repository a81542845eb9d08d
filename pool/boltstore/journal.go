package boltstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/lxd-pool/lxd-pool/pool"
)

// journal is the open file of one pool. Its lock on the file is never taken
// away, so lost stays open.
type journal struct {
	store *Store
	name  pool.PoolName
	lost  chan struct{}

	mu     sync.Mutex
	file   *file
	closed bool
	// broken: a commit has failed, and whether it was written shows only after
	// the file was opened again.
	broken bool
}

// Load implements [pool.Journal].
func (j *journal) Load(ctx context.Context) (*pool.Memory, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx, "load"); err != nil {
		return nil, err
	}
	return j.file.load()
}

// Commit implements [pool.Journal]. It does not stop when ctx ends in the middle.
func (j *journal) Commit(ctx context.Context, b *pool.Batch) error {
	w, err := encode(b)
	if err != nil {
		return j.fail("commit to", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.usable(ctx, "commit to"); err != nil {
		return err
	}
	if j.broken {
		return j.fail("commit to", errors.New("an earlier commit failed; it must be opened again"))
	}
	err = j.file.guard("commit to", func() error { return j.file.db.Update(w.write) })
	if err != nil {
		j.broken = true
		return j.fail("commit to", err)
	}
	return nil
}

// Lost implements [pool.Journal].
func (j *journal) Lost() <-chan struct{} { return j.lost }

// Close implements [pool.Journal].
func (j *journal) Close() error {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	return j.end()
}

// end closes the journal under the lock of its store. It waits for a commit
// that is under way.
func (j *journal) end() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	delete(j.store.open, j.name)
	return j.file.close()
}

func (j *journal) usable(ctx context.Context, deed string) error {
	if j.closed {
		return pool.Errorf(pool.ErrClosed, "", "cannot %s the journal of %s: it is closed", deed, j.name)
	}
	return ctx.Err()
}

func (j *journal) fail(deed string, why error) error {
	if errors.Is(why, pool.ErrCorrupt) {
		return why
	}
	return cannotWrite(fmt.Sprintf("%s the journal of %s", deed, j.name), why)
}

// load reads the whole file.
func (f *file) load() (*pool.Memory, error) {
	m := pool.NewMemory()
	err := f.guard("load", func() error {
		return f.db.View(func(tx *bolt.Tx) error { return decode(tx, m) })
	})
	switch {
	case err == nil:
		return m, nil
	case errors.Is(err, pool.ErrCorrupt):
		return nil, err
	}
	return nil, f.corrupt("load", err)
}

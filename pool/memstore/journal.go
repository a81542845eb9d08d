package memstore

import (
	"context"
	"errors"
	"maps"

	"github.com/lxd-pool/lxd-pool/pool"
)

// journal is one right to write. The store's mutex guards all of it.
type journal struct {
	store *Store
	name  pool.PoolName
	lost  chan struct{}
	// ended is why nothing more can be done with it; nil while it is usable.
	ended error
	// broken: a commit has failed and its outcome counts as unknown.
	broken bool
}

var (
	errClosed = errors.New("the journal is closed")
	errLost   = errors.New("the right to write is lost")
	errBroken = errors.New("an earlier commit failed and the journal was not opened again")
)

// Load implements [pool.Journal]. The maps are the caller's own; the values
// are shared and never changed.
func (j *journal) Load(ctx context.Context) (*pool.Memory, error) {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	if err := j.usable(ctx, "load"); err != nil {
		return nil, err
	}
	book := j.store.books[j.name]
	return &pool.Memory{
		Record:    book.Record,
		Instances: maps.Clone(book.Instances),
		Leases:    maps.Clone(book.Leases),
	}, nil
}

// Commit implements [pool.Journal].
func (j *journal) Commit(ctx context.Context, b *pool.Batch) error {
	fault := j.store.faultOf(j.name, b)
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	if err := j.usable(ctx, "commit to"); err != nil {
		return err
	}
	if j.broken {
		return j.fail(pool.ErrInternal, "commit to", errBroken)
	}
	if fault == NoFault || fault == FailAfter || fault == LoseAfter {
		b.Apply(j.store.books[j.name])
	}
	return j.suffer(fault)
}

func (j *journal) suffer(fault Fault) error {
	switch fault {
	case NoFault:
		return nil
	case LoseBefore, LoseAfter:
		j.lose()
		return j.fail(pool.ErrClosed, "commit to", errLost)
	default:
		j.broken = true
		return j.fail(pool.ErrInternal, "commit to", ErrFault)
	}
}

// Lost implements [pool.Journal].
func (j *journal) Lost() <-chan struct{} { return j.lost }

// Close implements [pool.Journal].
func (j *journal) Close() error {
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	j.end()
	return nil
}

func (j *journal) end() { j.stop(errClosed) }

func (j *journal) lose() {
	if j.ended == nil {
		j.stop(errLost)
		close(j.lost)
	}
}

// stop ends the right to write; the first reason stays.
func (j *journal) stop(why error) {
	if j.ended == nil {
		j.ended = why
		delete(j.store.open, j.name)
	}
}

func (j *journal) usable(ctx context.Context, deed string) error {
	if j.ended != nil {
		return j.fail(pool.ErrClosed, deed, j.ended)
	}
	return ctx.Err()
}

func (j *journal) fail(kind error, deed string, why error) error {
	return pool.Errorf(kind, "", "cannot %s the journal of %s: %w", deed, j.name, why)
}

package pool

import (
	"context"
	"errors"
)

// Pool is one pool, embedded in a program.
type Pool struct {
	m    *Manager
	name PoolName
}

// Open opens the pool of that name, makes it if there is none, and gives it
// spec. The pool works until Close; what is in the store and in LXD outlives it.
func Open(ctx context.Context, name PoolName, spec Spec, o Options) (*Pool, error) {
	m, err := NewManager(ctx, o)
	if err != nil {
		return nil, err
	}
	_, err = m.CreatePool(ctx, name, spec)
	if errors.Is(err, ErrPoolExists) {
		_, err = m.EditPool(ctx, name, func(s *Spec) error { *s = spec; return nil })
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return &Pool{m, name}, nil
}

// Manager returns the manager below, for what Pool has no method for.
func (p *Pool) Manager() *Manager { return p.m }

// Acquire is [Manager.Acquire] for this pool.
func (p *Pool) Acquire(ctx context.Context, r AcquireRequest) ([]Grant, error) {
	r.Pool = p.name
	return p.m.Acquire(ctx, r)
}

// Exec is [Manager.Exec].
func (p *Pool) Exec(ctx context.Context, id LeaseID, c Command) (int, error) {
	return p.m.Exec(ctx, id, c)
}

// Renew is [Manager.Renew].
func (p *Pool) Renew(ctx context.Context, id LeaseID, ttl Duration) (Grant, error) {
	return p.m.Renew(ctx, id, ttl)
}

// Release ends a lease for its holder, as [Manager.Release] does.
func (p *Pool) Release(ctx context.Context, id LeaseID) error {
	_, err := p.m.Release(ctx, id, System)
	return err
}

// Status returns what the pool has and lacks.
func (p *Pool) Status(ctx context.Context) (*PoolStatus, error) { return p.m.Pool(ctx, p.name) }

// Close is [Manager.Close].
func (p *Pool) Close() error { return p.m.Close() }

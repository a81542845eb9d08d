package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// acquire blocks until the grant. When the caller leaves, the request's
// context ends, and with it the wait.
func (s *Server) acquire(r *request) error {
	var body api.Acquire
	if err := r.decode(&body); err != nil {
		return err
	}
	holder, err := r.caller.holderFor(body.Holder)
	if err != nil {
		return err
	}
	if err := r.caller.mayForward(body.Forwards); err != nil {
		return err
	}
	wish := body.For(r.pool(), holder)
	mine := s.attempts.begin(wish)
	defer s.attempts.end(mine)
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	grants, err := s.manager.Acquire(ctx, wish)
	return s.handOver(r, ctx, mine, grants, err)
}

// forkLease blocks until all the copies can be used.
func (s *Server) forkLease(r *request) error {
	var body api.Fork
	if err := r.decode(&body); err != nil {
		return err
	}
	of := r.grant.Lease
	mine := s.attempts.begin(pool.AcquireRequest{Pool: of.Pool, Holder: of.Holder, Request: body.Request})
	defer s.attempts.end(mine)
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	grants, err := s.manager.Fork(ctx, pool.ForkRequest{Lease: of.ID, Request: body.Request, Count: body.Count, TTL: body.TTL})
	return s.handOver(r, ctx, mine, grants, err)
}

// handOver answers with leases that were just granted, and takes them back when
// nobody is there to take them.
func (s *Server) handOver(r *request, ctx context.Context, mine *attempt, grants []pool.Grant, err error) error {
	if err != nil {
		return orClosed(ctx, err)
	}
	if r.Context().Err() != nil || write(r.w, http.StatusCreated, "application/json", r.caller.leases(grants)) != nil {
		s.uncollected(mine, grants)
	}
	return nil
}

// askAgain is how long a caller whose answer was lost has to ask again.
const askAgain = 5 * time.Second

// uncollected takes leases back whose answer could not be handed over, unless
// the caller asks for them again. It blocks meanwhile. When the server shuts
// down first, they stay: the caller may ask the next one.
func (s *Server) uncollected(a *attempt, grants []pool.Grant) {
	select {
	case <-s.waits.Done():
		return
	case <-time.After(askAgain):
	}
	a.settle(func() {
		ctx, cancel := context.WithTimeout(context.Background(), askAgain)
		defer cancel()
		for _, g := range grants {
			if _, err := s.manager.TakeBack(ctx, g.Lease.ID, "the one who asked had left"); err != nil {
				s.log.Warn("cannot take back a lease that nobody collected; it will expire", "lease", g.Lease.ID, "err", err)
			}
		}
	})
}

// attempts are the acquires under way, so that a repeated one is known.
type attempts struct {
	mu     sync.Mutex
	latest map[attemptKey]*attempt
}

type attemptKey struct {
	pool    pool.PoolName
	holder  pool.Identity
	request pool.RequestID
}

// attempt is one acquire under way.
type attempt struct {
	key attemptKey
	// settled: it was asked again, so that its leases are the later one's; or
	// its leases were taken back.
	mu      sync.Mutex
	settled bool
}

func (all *attempts) begin(wish pool.AcquireRequest) *attempt {
	a := &attempt{key: attemptKey{wish.Pool, wish.Holder, wish.Request}}
	if wish.Request == "" {
		return a
	}
	if before := all.put(a); before != nil {
		before.settle(func() {})
	}
	return a
}

// put makes a the latest attempt of its key and returns the one before it.
func (all *attempts) put(a *attempt) *attempt {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.latest == nil {
		all.latest = map[attemptKey]*attempt{}
	}
	before := all.latest[a.key]
	all.latest[a.key] = a
	return before
}

func (all *attempts) end(a *attempt) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.latest[a.key] == a {
		delete(all.latest, a.key)
	}
}

// settle calls f unless a was settled before, and returns when that is done.
func (a *attempt) settle(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.settled {
		a.settled = true
		f()
	}
}

package pool

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// sweepEvery is how often everything in LXD is listed, when nothing hints that
// it should be sooner; sweepGap is the least time between two listings.
const (
	sweepEvery  = 30 * time.Second
	sweepGap    = time.Second
	listTimeout = time.Minute
)

// sweeper lists what is in LXD, once for all the pools, and deletes what
// belongs to none of them.
type sweeper struct {
	m *Manager
	// remote is which LXD, "" that of the pools.
	remote RemoteName
	soon   chan struct{}
	// strange counts how often an instance of no pool was seen.
	strange map[InstanceName]int

	mu   sync.Mutex
	away *outage
}

func newSweeper(m *Manager, remote RemoteName) *sweeper {
	return &sweeper{m: m, remote: remote, soon: make(chan struct{}, 1), strange: map[InstanceName]int{}}
}

// look asks for a listing soon. It never waits.
func (s *sweeper) look() {
	select {
	case s.soon <- struct{}{}:
	default:
	}
}

func (s *sweeper) run(ctx context.Context) {
	for {
		s.sweep(ctx)
		if !pause(ctx, s.gap()) {
			return
		}
		select {
		case <-s.soon:
		case <-time.After(jitter(sweepEvery)):
		case <-ctx.Done():
			return
		}
	}
}

// pause waits and reports whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// gap is how long to wait at least before the next listing.
func (s *sweeper) gap() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return jitter(backoff(s.away.times, sweepGap/2, 8*time.Second))
	}
	return sweepGap
}

// sweep lists once and tells every pool what was seen of it.
func (s *sweeper) sweep(ctx context.Context) {
	began := time.Now()
	listing, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	all, err := s.list(listing)
	if ctx.Err() != nil {
		return
	}
	s.note(err)
	byPool := map[PoolName][]Seen{}
	for _, seen := range all {
		byPool[seen.Pool] = append(byPool[seen.Pool], seen)
	}
	// Pools are read after the listing, so that none is missed that had
	// instances in it.
	for _, w := range s.m.all() {
		s.pass(ctx, w, sighting{remote: s.remote, began: began, seen: byPool[w.name], err: err})
		delete(byPool, w.name)
	}
	if err == nil {
		s.orphans(ctx, byPool)
	}
}

// list lists what is in the sweeper's LXD. A remote that is no longer known
// counts as one that is away.
func (s *sweeper) list(ctx context.Context) ([]Seen, error) {
	backend, err := s.m.env.at(s.remote)
	if err != nil {
		return nil, err
	}
	return backend.List(ctx, s.m.env.manager)
}

func (s *sweeper) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.away = nil
		return
	}
	if s.away == nil {
		s.away = &outage{since: time.Now()}
	}
	s.away.times++
	s.away.cause, s.away.next = textAndNext(err)
}

// pass hands a sighting to a pool and deletes the templates it no longer needs.
func (s *sweeper) pass(ctx context.Context, w *writer, what sighting) {
	w.tell(ctx, func(t *turn) {
		stale := t.sighted(what)
		if len(stale) == 0 {
			return
		}
		work := t.work
		t.workers.Go(func() {
			for _, seen := range stale {
				s.expel(work, seen)
			}
		})
	})
}

// orphans deletes what was seen twice and belongs to no pool we have.
func (s *sweeper) orphans(ctx context.Context, byPool map[PoolName][]Seen) {
	strange := map[InstanceName]int{}
	for _, list := range byPool {
		for _, seen := range list {
			seen.Place.Remote = s.remote
			if seen.Status == Unknown {
				continue // LXD hides whose it is
			}
			strange[seen.Name] = s.strange[seen.Name] + 1
			if strange[seen.Name] >= strangeTwice {
				s.expel(ctx, seen)
			}
		}
	}
	s.strange = strange
}

// expel deletes something in nobody's books.
func (s *sweeper) expel(ctx context.Context, seen Seen) {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	e := s.m.env
	if err := e.remove(ctx, seen); err != nil {
		e.log.Warn("cannot delete what nobody needs", "instance", string(seen.Name), "error", err)
		return
	}
	e.bus.publish(Event{Time: time.Now(), Type: InstanceLeaked, Pool: seen.Pool, Instance: seen.Name,
		Message: "carries our tag and nobody needs it; it was deleted"})
}

// problems says whether LXD is away.
func (s *sweeper) problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away == nil {
		return nil
	}
	return []Problem{{Code: "lxd-away", Since: s.away.since.Round(0),
		Text: awayText + s.away.cause, Remedy: cmp.Or(s.away.next, remedyAway)}}
}

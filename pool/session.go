package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// session is the right to act on a leased instance until done is closed.
type session struct {
	order Order
	place Place
	lease *Lease
	done  <-chan struct{}
	// present counts those who act on the instance; leave ends our part in it.
	present *presence
	leave   func()
	// moves is how often the instance had been moved when the session began.
	moves int64
}

// act does something to the instance of a running lease through a power of the
// backend; doing completes "cannot ...". When the lease ends, do's context ends
// and the error is [ErrLeaseEnded]. The instance is not cleaned before do has
// returned, so that nothing done for one holder lands on what the next one gets.
func act[Power, Result any](ctx context.Context, m *Manager, id LeaseID, doing string,
	do func(ctx context.Context, power Power, s *session) (Result, error)) (Result, error) {
	var nothing Result
	if _, err := powerOf[Power](m, doing); err != nil {
		return nothing, err
	}
	s, err := m.sessionOf(ctx, id)
	if err != nil {
		return nothing, err
	}
	defer s.leave()
	there, err := m.env.at(s.order.Remote)
	if err != nil {
		return nothing, err
	}
	return during(ctx, m, s, func(ctx context.Context) (Result, error) { return do(ctx, there.(Power), s) })
}

// during runs do, and ends its context with the lease.
func during[Result any](ctx context.Context, m *Manager, s *session, do func(context.Context) (Result, error)) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	result, err := do(ctx)
	select {
	case <-s.done:
		var nothing Result
		return nothing, m.whyDone(s.lease.ID)
	default:
		return result, startNext(err, s.lease.ID)
	}
}

// actAlone is act for what changes the instance as a whole, such as its status:
// one does so at a time, and the others wait for it.
func actAlone[Power, Result any](ctx context.Context, m *Manager, id LeaseID, doing string,
	do func(ctx context.Context, power Power, s *session) (Result, error)) (Result, error) {
	return act(ctx, m, id, doing, func(ctx context.Context, power Power, s *session) (Result, error) {
		leave, err := s.present.beAlone(ctx)
		if err != nil {
			var nothing Result
			return nothing, err
		}
		defer leave()
		if s.present.moves.Load() != s.moves {
			var nothing Result
			return nothing, movingNow(s.lease)
		}
		return do(ctx, power, s)
	})
}

// beAlone waits until nobody else changes the instance as a whole.
func (p *presence) beAlone(ctx context.Context) (leave func(), err error) {
	select {
	case p.alone <- struct{}{}:
		return func() { <-p.alone }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startNext says how to go on when something needs an instance that runs.
func startNext(err error, id LeaseID) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != ErrNotRunning || e.Next != "" {
		return err
	}
	told := *e
	told.Next = fmt.Sprintf("start it with \"lxd-pool start %s\"", id)
	return &told
}

// powerOf returns a power of the backend, or says that it has not got it.
func powerOf[Power any](m *Manager, doing string) (Power, error) {
	power, ok := m.env.backend.(Power)
	if !ok {
		return power, Errorf(ErrUnsupported, "", "cannot %s: this backend cannot", doing)
	}
	return power, nil
}

// sessionOf begins a session. It is over when its leave has been called.
func (m *Manager) sessionOf(ctx context.Context, id LeaseID) (*session, error) {
	w, err := m.ofLease(id)
	if err != nil {
		return nil, err
	}
	s, err := read(ctx, w, func(t *turn) (*session, error) { return t.session(id) })
	if err != nil {
		return nil, err
	}
	s.leave = s.present.enter()
	select {
	case <-s.done: // between the turn's end and here
		s.leave()
		return nil, m.whyDone(id)
	default:
		return s, nil
	}
}

// session returns what somebody who acts through a lease needs.
func (t *turn) session(id LeaseID) (*session, error) {
	l, in, err := t.lease(id)
	if err != nil {
		return nil, err
	}
	if in.unsettled() {
		return nil, movingNow(l)
	}
	if t.present[in.Name] == nil {
		t.present[in.Name] = &presence{alone: make(chan struct{}, 1)}
	}
	return &session{order: t.order(in), place: in.Place, lease: l, done: t.x.running[id].done, present: t.present[in.Name],
		moves: t.present[in.Name].moves.Load()}, nil
}

// changed takes in that the instance was changed as a whole: what became of it,
// where it is now (the zero place if that is not known), and what went wrong,
// which it returns. It notes that for those too who have left meanwhile.
func (m *Manager) changed(ctx context.Context, s *session, became string, now Place, failed error) (Grant, error) {
	w, err := m.ofLease(s.lease.ID)
	if err != nil {
		return Grant{}, err
	}
	grant, err := change(context.WithoutCancel(ctx), w, func(t *turn) (Grant, error) {
		l, in, err := t.lease(s.lease.ID)
		if err != nil {
			return Grant{}, err
		}
		now.Remote = in.Place.Remote
		if now.Project != "" && !now.equal(in.Place) {
			in = t.change(in, func(next *Instance) { next.Place = now })
		}
		if failed == nil {
			t.event(Event{Type: InstanceChanged, Lease: l.ID, Instance: in.Name, Holder: l.Holder, Message: became})
		}
		return Grant{Lease: l, Instance: in}, nil
	})
	if failed != nil {
		return Grant{}, failed
	}
	return grant, err
}

// whyDone says what cut what was done through a lease.
func (m *Manager) whyDone(id LeaseID) error {
	g, err := m.Lease(context.Background(), id)
	if err != nil {
		return err
	}
	if g.Lease.Ended == nil {
		return errClosing()
	}
	return leaseEnded(g.Lease)
}

// presence counts those who act on an instance.
type presence struct {
	// moves counts how often the instance was moved: then it may be elsewhere.
	moves atomic.Int64
	mu    sync.Mutex
	n     int
	empty chan struct{} // closed when n is 0 again
	// alone is full while one of them changes the instance as a whole.
	alone chan struct{}
}

// enter counts one more, until leave is called, once.
func (p *presence) enter() (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 {
		p.empty = make(chan struct{})
	}
	p.n++
	return p.leave
}

func (p *presence) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n--; p.n == 0 {
		close(p.empty)
	}
}

// partingTime is how long those who act on an instance have to stop once their
// lease has ended. Their contexts have ended with it.
const partingTime = time.Minute

// awaitEmpty waits until nobody acts on the instance and reports whether that is
// so. A nil presence is empty.
func (p *presence) awaitEmpty(ctx context.Context) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	n, empty := p.n, p.empty
	p.mu.Unlock()
	if n == 0 {
		return true
	}
	patience := time.NewTimer(partingTime)
	defer patience.Stop()
	select {
	case <-empty:
		return true
	case <-patience.C:
	case <-ctx.Done():
	}
	return false
}

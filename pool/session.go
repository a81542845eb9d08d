package pool

import (
	"context"
	"sync"
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
		return result, err
	}
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
		t.present[in.Name] = &presence{}
	}
	return &session{order: t.order(in), place: in.Place, lease: l, done: t.x.running[id].done, present: t.present[in.Name]}, nil
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
	mu    sync.Mutex
	n     int
	empty chan struct{} // closed when n is 0 again
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

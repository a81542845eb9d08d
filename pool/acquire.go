package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// AcquireRequest is a wish for leases.
type AcquireRequest struct {
	Pool   PoolName
	Holder Identity
	// Request makes a repeated acquire return the leases of the first one, with
	// a further token. "" means that a repeated one gets other leases.
	Request RequestID
	// Count is how many leases, all or none. 0: 1.
	Count int
	// TTL is how long each lasts; it is capped by the pool's max-ttl. 0: the pool's ttl.
	TTL Duration
	// Wait is how long to wait in the queue, in the engine, beside the deadline
	// of the context. 0: try once; a missing instance is built all the same.
	// WaitForever: as long as the context lasts.
	Wait Duration
	// Priority: a higher one is served first; within one, in order.
	Priority int
	Purpose  string
	// Env is given to every command run through the leases.
	Env map[string]string
	// Settings are applied to each instance before the answer.
	Settings Settings
}

// WaitForever waits as long as the context lasts.
const WaitForever = Duration(-1)

// Grant is a lease together with its instance. Both are never changed.
type Grant struct {
	Lease    *Lease
	Instance *Instance
	// Token is set in the answer to acquire only.
	Token Token
}

// Acquire blocks until all the leases that r asks for are granted and durable,
// its wait or ctx ends ([ErrExhausted]), or they can never be granted.
func (m *Manager) Acquire(ctx context.Context, r AcquireRequest) ([]Grant, error) {
	w, err := m.writer(r.Pool)
	if err != nil {
		return nil, err
	}
	return w.acquire(ctx, r)
}

// acquire puts the request in the queue and waits for its end.
func (w *writer) acquire(ctx context.Context, r AcquireRequest) ([]Grant, error) {
	if r.Count == 0 {
		r.Count = 1
	}
	if err := checkAcquire(r); err != nil {
		return nil, err
	}
	r.ensureRequest()
	v := &waiter{AcquireRequest: r, caller: newCaller(ctx, r.Count)}
	return w.await(ctx, v.caller, func(t *turn) { t.enqueue(v) })
}

// ensureRequest gives a request an id if it has none.
func (r *AcquireRequest) ensureRequest() {
	if r.Request == "" {
		r.Request = RequestID("-" + randomText(20))
	}
}

// await has the writer begin a request and waits for its end.
func (w *writer) await(ctx context.Context, c *caller, begin func(*turn)) ([]Grant, error) {
	if !w.send(ctx, message{do: begin}) {
		return nil, w.unsent(ctx)
	}
	select {
	case a := <-c.reply:
		return a.grants, a.err
	case <-w.ended:
	case <-ctx.Done():
		// The answer to leaving is the outcome, whichever came first.
		w.send(context.WithoutCancel(ctx), message{do: func(t *turn) { t.callerLeft(c) }})
	}
	select {
	case a := <-c.reply:
		return a.grants, a.err
	case <-w.ended:
		select {
		case a := <-c.reply:
			return a.grants, a.err
		default:
			return nil, w.closedError()
		}
	}
}

func checkAcquire(r AcquireRequest) error {
	switch {
	case r.Count < 1 || r.Count > LimitMax:
		return Invalidf("", "cannot acquire %d leases: it must be at least one", r.Count)
	case r.TTL != 0 && r.TTL < MinTTL:
		return Invalidf("", "cannot use ttl=%s: a lease lasts at least %s", r.TTL, MinTTL)
	case len(r.Request) > 100:
		return Invalidf("", "cannot use a request id of %d characters: 100 are allowed", len(r.Request))
	case r.Count > 1 && len(r.Settings.Forwards) > 0:
		return Invalidf("acquire one at a time, each with ports of its own", "cannot forward %s to %d instances at once", r.Settings.Forwards[0].Listen, r.Count)
	case len(r.Purpose) > 1000:
		return Invalidf("", "cannot use a purpose of %d characters: 1000 are allowed", len(r.Purpose))
	}
	return r.Settings.validate()
}

// enqueue begins a request: a repeated one finds its leases or its place.
func (t *turn) enqueue(v *waiter) {
	v.began = t.now
	if v.Wait >= 0 {
		v.deadline = t.now.Add(time.Duration(v.Wait))
	}
	if known := t.x.requests[v.key()]; len(known) > 0 {
		t.repeat(v, known)
		return
	}
	err := cmp.Or(t.refusal(v.Count), t.checkForwards(v))
	if err == nil {
		err = t.env.quotas.room(t.name, v.Holder, v.Count)
	}
	if err != nil {
		t.refuse(v, err)
		return
	}
	if before := t.queue.find(v.key()); before != nil {
		t.supersede(before.caller)
		before.caller, before.Wait, before.deadline = v.caller, v.Wait, v.deadline
		v = before
	} else {
		t.queue.add(v)
		t.event(Event{Type: WaitBegan, Holder: v.Holder, Message: fmt.Sprintf("%s asks for %d", v.Holder, v.Count)})
	}
	t.watchWait(v)
	if v.Wait == 0 {
		t.hasty = append(t.hasty, v)
	}
}

// watchWait sets the alarm for the end of a wait. A wait of nothing ends with
// the turn and needs none.
func (w *writer) watchWait(v *waiter) {
	which := v.alarm()
	if v.deadline.IsZero() || v.Wait == 0 {
		w.agenda.clear(which)
	} else {
		w.agenda.set(which, v.deadline)
	}
}

func (v *waiter) alarm() alarm { return alarm{alarmWait, fmt.Sprint(v.seq)} }

// repeat answers a request that has leases already: with these, and new tokens.
func (t *turn) repeat(v *waiter, known []LeaseID) {
	var last *Lease
	for _, id := range known {
		l := t.x.Leases[id]
		if last = l; l.Ended == nil {
			v.leases = append(v.leases, id)
		}
	}
	if len(v.leases) == 0 {
		t.refuse(v, leaseEnded(last))
		return
	}
	v.Count, v.repeated = len(v.leases), true
	for len(v.caller.tokens) < v.Count {
		v.caller.tokens = append(v.caller.tokens, newToken())
	}
	for i, id := range v.leases {
		next := *t.x.Leases[id]
		t.prepareAgain(&next)
		if next.Pending {
			next.Forwards = v.Settings.Forwards
		}
		next.Secrets = append(slices.Clone(next.Secrets), v.caller.tokens[i].sum())
		next.Secrets = next.Secrets[max(0, len(next.Secrets)-maxSecrets):]
		t.putLease(&next)
		t.joinWaking(v, next.Instance)
	}
	t.then(func(commit error) {
		switch {
		case commit != nil: // the new tokens may not be written
			t.abandon(v)
			v.caller.answer(acquired{err: commit})
		case len(v.asleep) == 0:
			t.answer(v)
		}
	})
}

// callerLeft takes the request of a caller out that no longer waits. What was
// granted but not answered goes back.
func (t *turn) callerLeft(c *caller) {
	v := t.waiterOf(c)
	if v == nil {
		return // it has its answer
	}
	switch {
	case v.source != "" && len(v.leases) == 0:
		t.dropFork(t.forkAsked(v.key()))
	case t.drop(v):
		t.event(Event{Type: WaitLeft, Holder: v.Holder, Message: fmt.Sprintf("%s no longer waits", v.Holder)})
	case v.repeated:
		t.abandon(v) // an earlier call may have got the answer
	default:
		t.takeBack(v, "the one who asked had left")
		t.then(func(commit error) {
			if commit != nil {
				t.leaving = append(t.leaving, c) // it goes back as soon as that can be written
				return
			}
			c.answer(acquired{err: c.ctx.Err()})
		})
		return
	}
	if v.source == "" && errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		t.refuse(v, t.exhausted(v))
	} else {
		t.refuse(v, c.ctx.Err())
	}
}

// waiterOf finds a caller's waiter, in the queue or among those being woken for.
func (t *turn) waiterOf(c *caller) *waiter {
	for _, v := range t.queue.waiters {
		if v.caller == c {
			return v
		}
	}
	for _, v := range t.wakers() {
		if v.caller == c {
			return v
		}
	}
	for _, f := range t.forks {
		if f.caller == c {
			return f.waiter
		}
	}
	return nil
}

// drop takes v out of the queue and reports whether it was there.
func (t *turn) drop(v *waiter) bool {
	t.agenda.clear(v.alarm())
	return t.queue.remove(v)
}

package pool

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Forker is a power that a [Backend] may have: to copy an instance that is in use.
type Forker interface {
	// Fork nil: the instance exists as [Backend.Create] leaves one, but as a copy
	// of source as that is now, without its snapshots.
	Fork(ctx context.Context, o Order, source InstanceName) error
}

// ForkRequest is a wish for copies of a leased instance.
type ForkRequest struct {
	Lease LeaseID
	// Request makes a repeated fork return the leases of the first one, with a
	// further token. "" means that a repeated one makes others.
	Request RequestID
	// Count is how many copies, all or none. 0: 1.
	Count int
	// TTL is how long each lease lasts; it is capped by the pool's max-ttl. 0: the pool's ttl.
	TTL Duration
}

// Fork makes copies of a leased instance and returns their leases, which have
// the holder, the purpose and the environment of the first one. It returns when
// all of them can be used; on error none was made. They count against the
// pool's max; instances that are nobody's give way to them, but nobody who
// waits does. When its lease ends, what was forked is replaced, never reset.
func (m *Manager) Fork(ctx context.Context, r ForkRequest) ([]Grant, error) {
	if _, err := powerOf[Forker](m, "fork lease "+string(r.Lease)); err != nil {
		return nil, err
	}
	var made []Grant
	grants, err := act(ctx, m, r.Lease, "fork", func(ctx context.Context, _ Forker, s *session) ([]Grant, error) {
		w, err := m.ofLease(r.Lease)
		if err != nil {
			return nil, err
		}
		made, err = w.fork(ctx, r, s.lease)
		return made, err
	})
	if err != nil {
		for _, g := range made { // the first lease ended in the same moment
			if _, err := m.TakeBack(context.Background(), g.Lease.ID, "the lease that was forked has ended"); err != nil {
				m.env.log.Warn("cannot take back a fork; it will expire", "lease", string(g.Lease.ID), "error", err)
			}
		}
	}
	return grants, err
}

// fork sends the writer a request for copies and waits for its end.
func (w *writer) fork(ctx context.Context, r ForkRequest, of *Lease) ([]Grant, error) {
	wish := AcquireRequest{
		Pool: w.name, Holder: of.Holder, Request: r.Request, Count: cmp.Or(r.Count, 1), TTL: r.TTL,
		Wait: WaitForever, Purpose: of.Purpose, Env: of.Env,
	}
	if err := checkAcquire(wish); err != nil {
		return nil, err
	}
	wish.ensureRequest()
	f := &fork{waiter: &waiter{AcquireRequest: wish, caller: newCaller(ctx, wish.Count), source: of.Instance}, lease: of.ID}
	return w.await(ctx, f.caller, func(t *turn) { t.beginFork(f) })
}

// fork is a request for copies under way. It has a lease on what it copies.
type fork struct {
	*waiter
	lease LeaseID
	// names are its instances, once there was room for all of them; started are
	// those that run.
	names   []InstanceName
	started map[InstanceName]Place
}

// beginFork begins to make copies: a repeated request finds those it has, or
// takes over from its first caller.
func (t *turn) beginFork(f *fork) {
	f.began = t.now
	if known := t.x.requests[f.key()]; len(known) > 0 {
		t.repeat(f.waiter, known)
		return
	}
	if before := t.forkAsked(f.key()); before != nil {
		t.supersede(before.caller)
		before.caller = f.caller
		return
	}
	_, _, err := t.lease(f.lease)
	if err == nil {
		err = t.refusal(f.Count)
	}
	if err == nil {
		err = t.env.quotas.room(t.name, f.Holder, f.Count)
	}
	if err == nil {
		err = t.makeRoom(f)
	}
	if err != nil {
		t.refuse(f.waiter, err)
		return
	}
	t.forks = append(t.forks, f)
}

func (t *turn) forkAsked(key requestKey) *fork {
	for _, f := range t.forks {
		if f.key() == key {
			return f
		}
	}
	return nil
}

// makeRoom sees to it that there can be room for a fork, at the cost of what is
// nobody's, unless somebody waits for that.
func (t *turn) makeRoom(f *fork) error {
	spec := &t.x.spec
	free := spec.Max - t.x.have().total() + t.goingAway() - t.promised()
	idle := t.idle()
	if free+len(idle) < f.Count {
		return Errorf(ErrExhausted, fmt.Sprintf(`release what is not needed, or raise it with "lxd-pool set %s max=%d"`, t.name, spec.Max+f.Count-free-len(idle)),
			"cannot fork lease %s %s: no more than %d may exist in pool %s, and there is room for %d", f.lease, times(f.Count), spec.Max, t.name, max(0, free+len(idle)))
	}
	for _, name := range idle[:max(0, f.Count-max(0, free))] {
		t.retire(name)
	}
	return nil
}

// idle returns the instances that may give way, those with the least work in
// them first: none while somebody waits for them.
func (t *turn) idle() []InstanceName {
	if t.queue.demand > 0 {
		return nil
	}
	var names []InstanceName
	for _, state := range States[:Ready] {
		for _, in := range t.x.Instances {
			if in.State == state && in.ForkOf == "" {
				names = append(names, in.Name)
			}
		}
	}
	return names
}

// goingAway counts what will soon no longer exist.
func (t *turn) goingAway() int {
	n := 0
	for _, in := range t.x.Instances {
		if in.State == Deleting && in.Hold == nil {
			n++
		}
	}
	return n
}

// promised is how much room forks wait for.
func (w *writer) promised() int {
	n := 0
	for _, f := range w.forks {
		if f.names == nil {
			n += f.Count
		}
	}
	return n
}

// orderForks has the copies made for which there is room now, in order.
func (t *turn) orderForks() {
	for _, f := range t.forks {
		if f.names != nil {
			continue
		}
		source := t.x.Instances[f.source]
		if source == nil || t.away != nil || t.x.spec.Max-t.x.have().total() < f.Count {
			return
		}
		for range f.Count {
			f.names = append(f.names, t.orderNew(func(in *Instance) {
				in.ForkOf, in.Origin, in.Spec = source.Name, source.Origin, source.Spec
				in.Place.Remote, in.Place.Project = source.Place.Remote, source.Place.Project
			}))
		}
	}
}

// forkOf returns the fork that an instance is made for, nil if it is for none.
func (w *writer) forkOf(name InstanceName) *fork {
	for _, f := range w.forks {
		if slices.Contains(f.names, name) {
			return f
		}
	}
	return nil
}

// awaitsFork reports whether an instance runs and waits for others of its fork.
func (w *writer) awaitsFork(name InstanceName) bool {
	f := w.forkOf(name)
	if f == nil {
		return false
	}
	_, started := f.started[name]
	return started
}

// forkStarted notes that one copy runs. When all do, they are leased at once,
// so that no other can ever be given what is in them.
func (t *turn) forkStarted(in *Instance, place Place) {
	f := t.forkOf(in.Name)
	if f == nil {
		t.doom(in, ReasonSurplus, "nobody waits for the fork any more")
		return
	}
	if f.started == nil {
		f.started = map[InstanceName]Place{}
	}
	f.started[in.Name] = place
	if len(f.started) < f.Count {
		return
	}
	if err := t.env.quotas.take(t.name, f.Holder, f.Count); err != nil {
		t.dropFork(f)
		t.refuse(f.waiter, err)
		return
	}
	t.endFork(f)
	ttl := min(cmp.Or(f.TTL, t.x.spec.TTL), t.x.spec.MaxTTL)
	for i, name := range f.names {
		in := t.move(t.x.Instances[name], Ready, func(next *Instance) {
			next.Place.Location, next.Place.Addresses = f.started[name].Location, f.started[name].Addresses
			next.Standby = StandbyRunning
		})
		l := t.newLease(f.waiter, in, ttl, f.caller.tokens[i])
		t.move(in, Leased, func(next *Instance) { next.Fence, next.Lease = l.Fence, l.ID })
		f.leases = append(f.leases, l.ID)
	}
	t.granted, t.unsettled = append(t.granted, f.waiter), append(t.unsettled, f.waiter)
}

// forkFailed gives a whole fork up because of one copy.
func (t *turn) forkFailed(in *Instance, reason Reason, err error) {
	f := t.forkOf(in.Name)
	t.doom(in, reason, err.Error())
	if f == nil {
		return
	}
	t.dropFork(f)
	t.refuse(f.waiter, Errorf(ErrFailed, "the lease itself is as before; try again", "cannot fork lease %s: %w", f.lease, err))
}

// dropFork gives up what was made for a fork that nobody waits for any more.
func (t *turn) dropFork(f *fork) {
	t.endFork(f)
	for _, name := range f.names {
		if in := t.x.Instances[name]; in != nil {
			t.doom(in, ReasonSurplus, "the fork was given up")
		}
	}
}

func (w *writer) endFork(f *fork) {
	w.forks = slices.DeleteFunc(w.forks, func(other *fork) bool { return other == f })
}

// refuseForks answers those who wait for copies when the pool starts again from
// its journal: what was being made is given up.
func (w *writer) refuseForks(err error) {
	for _, f := range w.forks {
		f.caller.answer(acquired{err: err})
	}
	w.forks = nil
}

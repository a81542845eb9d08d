package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// onLease changes something about a lease.
func (m *Manager) onLease(ctx context.Context, id LeaseID, f func(*turn) (Grant, error)) (Grant, error) {
	w, err := m.ofLease(id)
	if err != nil {
		return Grant{}, err
	}
	return change(ctx, w, f)
}

// Renew moves the end of a lease to ttl from now (0: the pool's ttl), capped by
// the pool's max-ttl since the grant. The answer is the truth.
func (m *Manager) Renew(ctx context.Context, id LeaseID, ttl Duration) (Grant, error) {
	return m.onLease(ctx, id, func(t *turn) (Grant, error) { return t.renew(id, ttl) })
}

// Release ends a lease; the instance is cleaned after the answer. Releasing a
// lease that was released before is no error.
func (m *Manager) Release(ctx context.Context, id LeaseID, by Identity) (Grant, error) {
	return m.onLease(ctx, id, func(t *turn) (Grant, error) {
		return t.endByName(id, Ending{By: by, Cause: Released})
	})
}

// Revoke ends a lease against its holder's will, with a reason to be read later.
func (m *Manager) Revoke(ctx context.Context, id LeaseID, by Identity, reason string) (Grant, error) {
	return m.onLease(ctx, id, func(t *turn) (Grant, error) {
		return t.endByName(id, Ending{By: by, Cause: Revoked, Reason: reason})
	})
}

// TakeBack ends a lease that nobody has heard of, because its grant could not be
// handed over: it counts as [Uncollected].
func (m *Manager) TakeBack(ctx context.Context, id LeaseID, reason string) (Grant, error) {
	return m.onLease(ctx, id, func(t *turn) (Grant, error) {
		return t.endByName(id, Ending{By: System, Cause: Uncollected, Reason: reason})
	})
}

// Hold keeps the instance of a running lease for a look: when the lease ends,
// it is neither reset nor deleted before h.Until, unless [Manager.EndHold] says so.
func (m *Manager) Hold(ctx context.Context, id LeaseID, h Hold) (Grant, error) {
	return m.onLease(ctx, id, func(t *turn) (Grant, error) { return t.hold(id, h) })
}

// EndHold ends the hold of a lease's instance before its time, also when the
// lease is over: then the instance is cleaned. Without a hold it is no error.
func (m *Manager) EndHold(ctx context.Context, id LeaseID) (Grant, error) {
	return m.onLease(ctx, id, func(t *turn) (Grant, error) { return t.endHoldOf(id) })
}

// Lease returns a lease, also one that ended less than [EndedKept] ago.
// The instance is nil when it is gone.
func (m *Manager) Lease(ctx context.Context, id LeaseID) (Grant, error) {
	w, err := m.ofLease(id)
	if err != nil {
		return Grant{}, err
	}
	return read(ctx, w, func(t *turn) (Grant, error) {
		l := t.x.Leases[id]
		if l == nil {
			return Grant{}, noLease(id)
		}
		return t.x.grant(l), nil
	})
}

// Leases returns the running leases of a pool, oldest first; of every pool for "".
func (m *Manager) Leases(ctx context.Context, name PoolName) ([]Grant, error) {
	writers := m.all()
	if name != "" {
		w, err := m.writer(name)
		if err != nil {
			return nil, err
		}
		writers = []*writer{w}
	}
	grants := []Grant{}
	for _, w := range writers {
		some, err := read(ctx, w, func(t *turn) ([]Grant, error) { return t.leases(), nil })
		if err != nil && !(name == "" && errors.Is(err, ErrNoPool)) {
			return nil, err
		}
		slices.SortFunc(some, oldestFirst)
		grants = append(grants, some...)
	}
	return grants, nil
}

// lease returns a running lease for a change.
func (t *turn) lease(id LeaseID) (*Lease, *Instance, error) {
	l := t.x.Leases[id]
	if l == nil {
		return nil, nil, noLease(id)
	}
	if l.Ended != nil {
		return nil, nil, leaseEnded(l)
	}
	in := t.x.Instances[l.Instance]
	if in == nil || in.Lease != id || in.Fence != l.Fence {
		panic("lxd-pool: running lease " + string(id) + " has no instance") // P1 is broken
	}
	return l, in, nil
}

func (t *turn) renew(id LeaseID, ttl Duration) (Grant, error) {
	if ttl != 0 && ttl < MinTTL {
		return Grant{}, Invalidf("", "cannot use ttl=%s: a lease lasts at least %s", ttl, MinTTL)
	}
	l, in, err := t.lease(id)
	if err != nil {
		return Grant{}, err
	}
	if ttl == 0 {
		ttl = t.x.spec.TTL
	}
	r := t.x.running[id]
	end := t.now.Add(time.Duration(ttl))
	if most := r.granted.Add(time.Duration(t.x.spec.MaxTTL)); end.After(most) {
		end = most
	}
	// A shorter lease must not end before it is durable that it is shorter, nor
	// a longer one before it is durable that it is longer: both ends hold until then.
	next := *l
	next.Expires = t.now.Add(end.Sub(t.now)).Round(0)
	t.putLease(&next)
	t.then(func(commit error) {
		if commit == nil {
			r.deadline = end
			t.agenda.set(alarm{alarmLease, string(id)}, end)
		}
	})
	t.event(Event{Type: LeaseRenewed, Lease: id, Instance: in.Name, Holder: l.Holder,
		Message: "lasts until " + next.Expires.Format(time.RFC3339)})
	return Grant{Lease: &next, Instance: in}, nil
}

// endByName ends a lease for its holder or an operator. Released twice is released.
func (t *turn) endByName(id LeaseID, e Ending) (Grant, error) {
	l := t.x.Leases[id]
	if l == nil {
		return Grant{}, noLease(id)
	}
	if l.Ended != nil {
		if l.Ended.Cause == e.Cause {
			return t.x.grant(l), nil
		}
		return Grant{}, leaseEnded(l)
	}
	t.endLease(l, e)
	return t.x.grant(t.x.Leases[id]), nil
}

// endLease ends a running lease and sends its instance to be cleaned.
func (t *turn) endLease(l *Lease, e Ending) {
	e.At = t.now.Round(0)
	next := *l
	next.Ended, next.Env, next.Commands = &e, nil, nil
	t.putLease(&next)
	r := t.x.running[l.ID]
	delete(t.x.running, l.ID)
	t.x.ended = append(t.x.ended, l.ID)
	t.agenda.clear(alarm{alarmLease, string(l.ID)})
	t.then(func(commit error) {
		if again := t.x.running[l.ID]; commit != nil && again != nil {
			again.done = r.done // it did not end after all
			return
		}
		close(r.done)
		if commit == nil {
			t.env.quotas.give(t.name, l.Holder)
		}
	})
	t.stats.Ended[e.Cause]++
	t.event(Event{Type: LeaseEnded, Lease: l.ID, Instance: l.Instance, Holder: l.Holder, Message: endingText(&e)})
	v := t.waking[l.Instance]
	delete(t.waking, l.Instance)
	t.recycle(t.x.Instances[l.Instance], &e)
	if v != nil {
		t.stillAsleep(v, &next)
	}
}

// recycle decides what becomes of an instance whose lease has ended.
func (t *turn) recycle(in *Instance, e *Ending) {
	used := func(next *Instance) { next.Lease, next.Uses = "", next.Uses+1 }
	reason := t.verdict(in, e.Cause)
	if reason == "" {
		t.move(in, Resetting, used)
		return
	}
	t.agenda.clear(alarm{alarmAge, string(in.Name)})
	t.move(in, Deleting, func(next *Instance) { used(next); next.Reason, next.Detail = reason, e.Reason })
}

// verdict says why an instance goes after its lease, "" when it is to be reset.
func (t *turn) verdict(in *Instance, cause Cause) Reason {
	spec := &t.x.spec
	switch {
	case in.Hold != nil:
		return ReasonHeld
	case t.x.Record.Doomed:
		return ReasonPoolDeleted
	case cause == Vanished:
		return ReasonVanished
	case in.Epoch != t.x.Record.Epoch:
		return ReasonPoolReset
	case in.Moved || in.Moving != nil:
		return ReasonMoved
	case spec.Recycle == Replace || in.ForkOf != "":
		return ReasonReleased
	case spec.MaxUses > 0 && in.Uses+1 >= spec.MaxUses:
		return ReasonWorn
	case t.x.aged[in.Name]:
		return ReasonAged
	case t.x.outdated(in):
		return ReasonOutdated
	case t.enoughWithout():
		return ReasonSurplus
	}
	return ""
}

// enoughWithout reports whether what is idle or on its way is all that is
// wanted, so that resetting one more would be for nothing. While somebody waits,
// one that comes back beats those still being made.
func (t *turn) enoughWithout() bool {
	h := t.x.have()
	n := h.spare + h.starting + h.ready + h.resetting
	if t.queue.demand == 0 {
		n += h.creating
	}
	return n >= t.x.spec.Size+t.x.spec.Spares+t.demand()
}

func (t *turn) hold(id LeaseID, h Hold) (Grant, error) {
	l, in, err := t.lease(id)
	if err != nil {
		return Grant{}, err
	}
	if !h.Until.After(t.now) {
		return Grant{}, Invalidf("", "cannot hold lease %s: the hold would be over already", id)
	}
	if in.Hold == nil && t.x.held >= t.x.spec.MaxHolds {
		return Grant{}, Errorf(ErrHoldLimit, fmt.Sprintf(`wait until one ends, or raise it with "lxd-pool set %s max-holds=%d"`, t.name, t.x.held+1),
			"cannot hold lease %s: pool %s holds %s already", id, t.name, instances(t.x.held))
	}
	h.Lease, h.Holder = id, l.Holder
	next := t.change(in, func(next *Instance) { next.Hold = &h })
	t.agenda.set(alarm{alarmHold, string(in.Name)}, t.now.Add(h.Until.Sub(t.now.Round(0))))
	return Grant{Lease: l, Instance: next}, nil
}

func (t *turn) endHoldOf(id LeaseID) (Grant, error) {
	l := t.x.Leases[id]
	if l == nil {
		return Grant{}, noLease(id)
	}
	if t.x.holds(l) {
		t.endHold(l.Instance)
	}
	return t.x.grant(l), nil
}

// endHold lets a held instance go its way.
func (t *turn) endHold(name InstanceName) {
	in := t.x.Instances[name]
	if in == nil || in.Hold == nil {
		return
	}
	t.agenda.clear(alarm{alarmHold, string(name)})
	t.change(in, func(next *Instance) {
		next.Hold = nil
		if next.State == Deleting {
			next.Freed = t.now.Round(0)
		}
	})
	t.todo[name] = true
}

// expire ends a lease whose time is over.
func (t *turn) expire(id LeaseID) {
	l, r := t.x.Leases[id], t.x.running[id]
	if r == nil {
		return
	}
	if t.now.Before(r.deadline) && !mutated(expireEarly) {
		t.agenda.set(alarm{alarmLease, string(id)}, r.deadline)
		return
	}
	if changed := t.batch.Leases[id]; changed != nil && changed.Expires.After(t.now.Round(0)) {
		// It was renewed in this very turn; that holds once it is durable.
		t.then(func(error) { t.agenda.set(alarm{alarmLease, string(id)}, t.now) })
		return
	}
	t.endLease(l, Ending{By: System, Cause: Expired, Reason: "nobody renewed it"})
}

// forgetEnded drops the records of leases that ended long ago and hold nothing.
func (t *turn) forgetEnded() {
	before := t.now.Round(0).Add(-EndedKept)
	var kept []LeaseID
	n := 0
	for n < len(t.x.ended) && n < gatherMost && t.x.Leases[t.x.ended[n]].Ended.At.Before(before) {
		l := t.x.Leases[t.x.ended[n]]
		n++
		if t.x.holds(l) {
			kept = append(kept, l.ID)
			continue
		}
		t.x.forgetRequest(l)
		delete(t.x.Leases, l.ID)
		t.batch.Leases[l.ID] = nil
	}
	t.x.ended = append(kept, t.x.ended[n:]...)
	again := t.now.Add(time.Minute)
	if n == gatherMost {
		again = t.now // there may be more
	}
	t.agenda.set(alarm{kind: alarmForget}, again)
}

func noLease(id LeaseID) error {
	return Errorf(ErrNoLease, `see "lxd-pool leases"`, "cannot find lease %q: there is none, or it ended more than %s ago", string(id), Duration(EndedKept))
}

// leaseEnded tells a late holder what ended its lease.
func leaseEnded(l *Lease) error {
	return Errorf(ErrLeaseEnded, "acquire a new one", "cannot use lease %s: it ended at %s: %s",
		l.ID, l.Ended.At.Format(time.RFC3339), endingText(l.Ended))
}

func endingText(e *Ending) string {
	text := fmt.Sprintf("%s by %s", e.Cause, e.By)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// leases returns the running ones, in no order: sorting is for the one who asks.
func (t *turn) leases() []Grant {
	grants := make([]Grant, 0, len(t.x.running))
	for id := range t.x.running {
		grants = append(grants, t.x.grant(t.x.Leases[id]))
	}
	return grants
}

func oldestFirst(a, b Grant) int {
	return cmp.Or(a.Lease.Created.Compare(b.Lease.Created), strings.Compare(string(a.Lease.ID), string(b.Lease.ID)))
}

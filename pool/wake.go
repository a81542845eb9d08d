package pool

import (
	"maps"
	"slices"
	"time"
)

// awake notes that a leased instance runs; its holder's time starts now. That it
// has left its standby level is in the journal before its holder hears of it: an
// instance that its holder pauses or stops is not woken when the pool is opened
// again.
func (t *turn) awake(in *Instance) {
	v := t.waking[in.Name]
	delete(t.waking, in.Name)
	t.change(in, func(next *Instance) { next.Standby = StandbyRunning })
	if v == nil {
		return // after a restart nobody waits for it here
	}
	t.unsettled = append(t.unsettled, v)
	delete(v.asleep, in.Name)
	if l := t.x.Leases[in.Lease]; l.Pending {
		next := *l
		next.Pending = false
		t.putLease(&next)
	}
	if len(v.asleep) > 0 {
		return
	}
	t.then(func(commit error) {
		if commit != nil {
			return // it is settled when the journal was loaded again
		}
		now := time.Now()
		for _, id := range v.leases {
			if l := t.x.Leases[id]; l.Ended == nil {
				t.startClock(l, now, l.Expires.Sub(l.Created))
			}
		}
		t.answer(v)
	})
}

// wakeFailed gives an instance up that cannot be woken, and with it its lease.
func (t *turn) wakeFailed(in *Instance, err error) {
	t.endLease(t.x.Leases[in.Lease], Ending{By: System, Cause: Vanished, Reason: "it cannot be woken: " + err.Error()})
}

// settings are what is to be applied to an instance that is being woken.
func (w *writer) settings(name InstanceName) *Settings {
	if v := w.waking[name]; v != nil && !v.Settings.empty() {
		return &v.Settings
	}
	return nil
}

// prepareAgain has settings applied that were not when the request was last
// heard of.
func (w *writer) prepareAgain(l *Lease) {
	if l.Pending {
		w.mayBeAsleep(l.Instance)
		w.todo[l.Instance] = true
	}
}

// prepareFailed gives a request up whose settings cannot be applied. The
// instance is cleaned as after any lease.
func (t *turn) prepareFailed(in *Instance, err error) {
	v := t.waking[in.Name]
	if v == nil {
		t.wakeFailed(in, err)
		return
	}
	t.takeBack(v, "its settings cannot be applied")
	t.then(func(commit error) {
		if commit == nil {
			v.caller.answer(acquired{err: err})
		}
	})
}

// stillAsleep handles the end of a lease whose instance was being woken for v.
// If nobody can have heard of the lease, the others that came with it go back
// as well, and v goes back to its place in the queue.
func (t *turn) stillAsleep(v *waiter, l *Lease) {
	if v.repeated {
		t.refuse(v, leaseEnded(l))
		t.abandon(v)
		return
	}
	t.takeBack(v, "another instance of the same request could not be woken")
	t.queue.insert(v)
	t.watchWait(v)
}

// takeBack ends leases that were granted but never answered.
func (t *turn) takeBack(v *waiter, reason string) {
	t.unsettled = append(t.unsettled, v)
	for _, id := range v.leases {
		l := t.x.Leases[id]
		delete(t.waking, l.Instance)
		if l.Ended == nil {
			t.endLease(l, Ending{By: System, Cause: Uncollected, Reason: reason})
		}
		t.x.forgetRequest(l)
		next := *t.x.Leases[id]
		next.Request = "" // the request is still open, in the journal too
		t.putLease(&next)
	}
	v.leases, v.asleep = nil, nil
}

// joinWaking makes v wait for an instance that is being woken, in the place of
// whoever waited for that before.
func (t *turn) joinWaking(v *waiter, name InstanceName) {
	before, ok := t.waking[name]
	if !ok {
		return
	}
	if before != nil {
		t.supersede(before.caller)
		t.abandon(before)
	}
	t.waitAwake(v, name)
}

// mayBeAsleep has an instance woken that was leased when the pool was opened,
// and of which the journal does not say that it woke.
func (w *writer) mayBeAsleep(name InstanceName) {
	if _, ok := w.waking[name]; !ok {
		w.waking[name] = nil
	}
}

// waitAwake makes v wait for an instance if it is being woken.
func (w *writer) waitAwake(v *waiter, name InstanceName) {
	if _, ok := w.waking[name]; !ok {
		return
	}
	if v.asleep == nil {
		v.asleep = map[InstanceName]bool{}
	}
	v.asleep[name] = true
	w.waking[name] = v
}

// abandon leaves the waking of instances to go on with nobody waiting for it.
func (w *writer) abandon(v *waiter) {
	for name := range v.asleep {
		w.waking[name] = nil
	}
}

// wakers returns the waiters that have leases on instances not awake yet.
func (w *writer) wakers() []*waiter {
	set := map[*waiter]bool{}
	for _, v := range w.waking {
		if v != nil {
			set[v] = true
		}
	}
	return slices.Collect(maps.Keys(set))
}

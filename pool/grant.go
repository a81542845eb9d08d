package pool

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// grant gives ready instances to the queue, in order. The first one that cannot
// be served holds up those behind it: that is what in order means.
func (t *turn) grant() {
	for {
		v := t.queue.head()
		if v == nil {
			return
		}
		if v.caller.ctx.Err() != nil {
			t.callerLeft(v.caller)
			continue
		}
		if err := t.refusal(v.Count); err != nil {
			t.drop(v)
			t.refuse(v, err)
			continue
		}
		if t.x.ready.len() < v.Count || t.grantsHeld() != "" || t.away != nil && !v.Settings.empty() {
			return
		}
		if err := t.env.quotas.take(t.name, v.Holder, v.Count); err != nil {
			t.drop(v)
			t.refuse(v, err)
			continue
		}
		t.give(v)
	}
}

// healthyFor is how long ready instances count as healthy after LXD last listed
// them, when it can no longer be asked.
const healthyFor = 10 * time.Minute

// grantsHeld says why nothing is granted although instances are ready, "" if
// nothing stands in the way.
func (w *writer) grantsHeld() string {
	switch {
	case !w.listed:
		return "LXD has not listed the instances yet since the daemon started"
	case w.away != nil && w.x.spec.Standby == StandbyFrozen:
		return "LXD is away, so that frozen instances cannot be woken"
	case w.away != nil && time.Since(w.seen) > healthyFor:
		return fmt.Sprintf("LXD has been away for more than %s, so that nobody knows whether what was ready still is", Duration(healthyFor))
	}
	return ""
}

// give leases the best ready instances to v.
func (t *turn) give(v *waiter) {
	t.drop(v)
	ttl := min(cmp.Or(v.TTL, t.x.spec.TTL), t.x.spec.MaxTTL)
	for i := range v.Count {
		in := t.x.Instances[t.x.ready.best()]
		l := t.newLease(v, in, ttl, v.caller.tokens[i])
		next := t.move(in, Leased, func(next *Instance) { next.Fence, next.Lease = l.Fence, l.ID })
		t.dropCheck(in.Name)
		v.leases = append(v.leases, l.ID)
		if next.Standby == StandbyFrozen || l.Pending {
			t.waking[in.Name] = nil
			t.waitAwake(v, in.Name)
		}
	}
	t.granted, t.unsettled = append(t.granted, v), append(t.unsettled, v)
	t.fulfil(v.Count)
	if v.began.Equal(t.now) {
		t.stats.Hits++
	} else {
		t.stats.Misses++
	}
}

func (t *turn) newLease(v *waiter, in *Instance, ttl Duration, token Token) *Lease {
	now, fence := t.now.Round(0), in.Fence+1
	if mutated(forgetFence) {
		fence = 1
	}
	l := &Lease{
		ID: newLeaseID(t.name), Pool: t.name, Instance: in.Name, Holder: v.Holder, Purpose: v.Purpose,
		Created: now, Expires: now.Add(time.Duration(ttl)), Fence: fence,
		Request: v.Request, Env: v.Env, Forwards: v.Settings.Forwards, Pending: !v.Settings.empty(), Secrets: [][]byte{token.sum()},
	}
	t.putLease(l)
	t.x.enterLease(l)
	t.x.running[l.ID] = &running{granted: t.now, deadline: t.now.Add(time.Duration(ttl)), done: make(chan struct{})}
	t.event(Event{Type: LeaseGranted, Lease: l.ID, Instance: in.Name, Holder: l.Holder,
		Message: fmt.Sprintf("%s has it until %s", l.Holder, l.Expires.Format(time.RFC3339))})
	return l
}

// answer tells a waiter's caller what it got. It is called after the commit.
func (w *writer) answer(v *waiter) {
	grants := make([]Grant, 0, len(v.leases))
	for i, id := range v.leases {
		g := w.x.grant(w.x.Leases[id])
		g.Token = v.caller.tokens[i]
		grants = append(grants, g)
	}
	if v.source == "" {
		w.stats.ToGrant.observe(time.Since(v.began))
	}
	v.caller.answer(acquired{grants: grants})
}

// regrant settles a waiter whose grant may or may not have been committed,
// after the journal was loaded again.
func (w *writer) regrant(v *waiter, cause error) {
	w.queue.remove(v)
	v.leases, v.asleep = nil, nil
	known := w.x.requests[v.key()]
	if len(known) == 0 {
		if mutated(loseWaiter) {
			return
		}
		if v.source != "" { // its copies are given up
			v.caller.answer(acquired{err: cause})
			return
		}
		w.queue.insert(v)
		w.watchWait(v)
		if v.Wait == 0 {
			w.hasty = append(w.hasty, v)
		}
		return
	}
	tokens := v.caller.tokens
	v.caller.tokens = nil
	for _, id := range known {
		l := w.x.Leases[id]
		if l.Ended != nil {
			continue
		}
		v.leases = append(v.leases, id)
		opens := slices.IndexFunc(tokens, l.Opens)
		v.caller.tokens = append(v.caller.tokens, tokens[opens])
		w.prepareAgain(l)
		w.waitAwake(v, l.Instance)
	}
	if len(v.asleep) == 0 {
		w.answer(v)
	}
}

package pool

import (
	"fmt"
	"time"
)

// aliveEvery is how often the record says that the writer lives, while there
// are leases: after a crash a lease lasts at most that much longer.
const aliveEvery = 30 * time.Second

// resolveEvery is how often the image behind the spec is looked up again.
const resolveEvery = time.Minute

// ring does what has fallen due.
func (t *turn) ring() {
	for {
		which, ok := t.agenda.due(t.now)
		if !ok {
			return
		}
		switch which.kind {
		case alarmLease:
			t.expire(LeaseID(which.name))
		case alarmAge:
			t.grewOld(InstanceName(which.name))
		case alarmHold:
			t.endHold(InstanceName(which.name))
		case alarmWait:
			t.waitOver(which)
		case alarmWish:
			t.forgetWishes()
		case alarmRetry:
			t.todo[InstanceName(which.name)] = true
		case alarmForget:
			t.forgetEnded()
		case alarmAlive:
			t.sayAlive()
		case alarmResolve:
			t.resolve()
		case alarmPlan:
			// The turn itself is what was wanted.
		}
	}
}

func (t *turn) grewOld(name InstanceName) {
	in := t.x.Instances[name]
	if in == nil || in.State == Deleting {
		return
	}
	t.x.aged[name] = true
	t.x.leave(in)
	t.x.enter(in)
}

func (t *turn) waitOver(which alarm) {
	for _, v := range t.queue.waiters {
		if v.alarm() == which {
			t.lastChance(v)
			return
		}
	}
}

// lastChance refuses a waiter whose time is over, unless its turn has just come.
func (t *turn) lastChance(v *waiter) {
	t.grant()
	if t.drop(v) {
		t.refuse(v, t.exhausted(v))
	}
}

func (t *turn) sayAlive() {
	if len(t.x.running) > 0 {
		t.rec()
	}
	t.agenda.set(alarm{kind: alarmAlive}, t.now.Add(aliveEvery))
}

// watchClock notices that the wall clock was changed while we ran, and writes
// the leases' ends anew: what is left of them did not change.
func (t *turn) watchClock() {
	jump := wallJump(t.anchor, t.now)
	if jump.Abs() < time.Second {
		return
	}
	t.anchor = t.now
	t.rec()
	for id, r := range t.x.running {
		next := *t.x.Leases[id]
		next.Expires = t.now.Add(r.deadline.Sub(t.now)).Round(0)
		next.Created = t.now.Add(r.granted.Sub(t.now)).Round(0)
		t.putLease(&next)
	}
	t.event(Event{Type: ClockJumped, Message: fmt.Sprintf("the clock of this host was moved by %s; leases keep their length", jump.Round(time.Second))})
}

// wallJump returns how far the wall clock moved against the monotonic one
// between two readings.
func wallJump(from, to time.Time) time.Duration {
	return to.Round(0).Sub(from.Round(0)) - to.Sub(from)
}

package pool

import (
	"time"
)

// turn is one turn of a writer: what it changed, and what is done once that is
// durable. Everything happens in memory first; if the commit fails, the whole
// index is thrown away with the turn.
type turn struct {
	*writer
	now    time.Time
	batch  Batch
	after  []func(commit error)
	events []Event
	// granted are the waiters that got leases in this turn.
	granted []*waiter
	// unsettled are the waiters whose leases came or went in this turn.
	unsettled []*waiter
	// reads are messages to run again when the commit fails.
	reads []func(*turn)
}

func (w *writer) newTurn() *turn {
	return &turn{writer: w, now: time.Now(), batch: Batch{
		Instances: map[InstanceName]*Instance{}, Leases: map[LeaseID]*Lease{},
	}}
}

// then runs f after the commit, with the commit's error.
func (t *turn) then(f func(commit error)) { t.after = append(t.after, f) }

// rec returns the record for changing.
func (t *turn) rec() *Record {
	if t.batch.Record == nil {
		next := *t.x.Record
		next.Alive = t.now.Round(0)
		t.batch.Record, t.x.Record = &next, &next
	}
	return t.batch.Record
}

// change puts a changed copy of in in its place.
func (t *turn) change(in *Instance, f func(*Instance)) *Instance {
	next := *in
	f(&next)
	t.x.replace(in, &next)
	t.batch.Instances[next.Name] = &next
	return &next
}

// move takes in along an edge of its life; f may change more of it. Any other
// edge is a bug.
func (t *turn) move(in *Instance, to State, f func(*Instance)) *Instance {
	if !CanMove(in.State, to) {
		panic("lxd-pool: " + string(in.Name) + " cannot go from " + in.State.String() + " to " + to.String())
	}
	next := t.change(in, func(next *Instance) {
		next.State, next.Since = to, t.now.Round(0)
		if f != nil {
			f(next)
		}
	})
	t.todo[next.Name] = true
	message := "is " + to.String()
	if to == Deleting {
		message += ": " + string(next.Reason)
		if next.Detail != "" {
			message += ": " + next.Detail
		}
		t.stats.Deleted[string(next.Reason)]++
	}
	t.event(Event{Type: InstanceState, Instance: next.Name, Message: message})
	return next
}

// doom sends an instance on its way out.
func (t *turn) doom(in *Instance, reason Reason, detail string) {
	if in.State == Deleting {
		return
	}
	t.agenda.clear(alarm{alarmAge, string(in.Name)})
	t.move(in, Deleting, func(next *Instance) {
		next.Reason, next.Detail, next.Lease = reason, detail, ""
	})
}

// forget ends the record of an instance that is gone.
func (t *turn) forget(in *Instance) {
	t.x.replace(in, nil)
	t.batch.Instances[in.Name] = nil
	delete(t.todo, in.Name)
	delete(t.tries, in.Name)
	delete(t.checked, in.Name)
	delete(t.present, in.Name)
	t.event(Event{Type: InstanceGone, Instance: in.Name, Message: "is gone: " + string(in.Reason)})
}

// putLease puts a new or changed lease.
func (t *turn) putLease(l *Lease) {
	t.x.Leases[l.ID] = l
	t.batch.Leases[l.ID] = l
}

func (t *turn) event(e Event) {
	e.Time, e.Pool = t.now.Round(0), t.name
	t.events = append(t.events, e)
}

// commit makes the turn durable. Nothing to write is durable already.
func (t *turn) commit() error {
	if t.batch.Empty() {
		return nil
	}
	t.stats.Commits++
	return t.journal.Commit(t.life, &t.batch)
}

// finish answers and publishes after a commit, and starts what work there is.
func (t *turn) finish() {
	if !t.batch.Empty() {
		t.trouble = nil
	}
	t.beginLeases()
	for _, f := range t.after {
		f(nil)
	}
	for _, e := range t.events {
		t.env.bus.publish(e)
	}
	t.beginWork()
}

// beginLeases starts the time of the leases granted in this turn: it runs from
// when they were durable, so that a slow disk takes nothing from the holder.
func (t *turn) beginLeases() {
	now := time.Now()
	for _, v := range t.granted {
		for _, id := range v.leases {
			l := t.x.Leases[id]
			t.startClock(l, now, l.Expires.Sub(l.Created))
		}
		if len(v.asleep) == 0 {
			t.answer(v)
		}
	}
}

// startClock makes a lease run out ttl from now.
func (w *writer) startClock(l *Lease, now time.Time, ttl time.Duration) {
	r := w.x.running[l.ID]
	r.granted, r.deadline = now, now.Add(ttl)
	when := r.deadline
	if mutated(expireEarly) {
		when = now.Add(ttl / 2)
	}
	w.agenda.set(alarm{alarmLease, string(l.ID)}, when)
}

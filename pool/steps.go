package pool

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
)

// plan asks what is missing and orders it.
func (t *turn) plan() {
	if t.x.Record.Unkept && !t.x.Record.Doomed && t.x.count[Leased] == 0 {
		t.condemn(false, System) // cannot be refused: nothing is leased
	}
	if t.x.Record.Doomed {
		t.bury()
		return
	}
	t.orderForks()
	s := plan(t.want(), t.x.have(), t.room())
	for range s.create {
		t.orderNew(func(*Instance) {})
	}
	for range s.start {
		t.move(t.x.Instances[t.x.spare.best()], Starting, nil)
	}
	for range s.retireSpare {
		t.retire(t.x.spare.worst())
	}
	for range s.retireReady {
		t.retire(t.x.ready.worst())
	}
}

func (t *turn) want() want {
	spec := &t.x.spec
	if t.x.Record.Unkept {
		return want{max: spec.Max - t.promised(), roll: 1}
	}
	return want{
		size: spec.Size, spares: spec.Spares, max: spec.Max - t.promised(), demand: t.demand(),
		roll: min(4, max(1, (spec.Size+spec.Spares)/10)),
	}
}

// room is what may be begun now: within the workers, the breaker, and only
// while LXD is there.
func (t *turn) room() room {
	if t.away != nil {
		return room{}
	}
	if t.breaker.failures > 0 && t.now.Before(t.breaker.retry) {
		t.agenda.set(alarm{kind: alarmPlan}, t.breaker.retry)
	}
	underway := t.x.count[Creating] + t.x.count[Starting]
	if t.breaker.failures > 0 {
		n := t.breaker.room(t.now, 1, underway)
		return room{create: n, start: n}
	}
	return room{
		create: t.breaker.room(t.now, t.env.limits.Create, t.x.count[Creating]),
		start:  t.breaker.room(t.now, t.env.limits.Start, t.x.count[Starting]),
	}
}

// orderNew writes down that an instance is to be made, before LXD hears of it.
func (t *turn) orderNew(edit func(*Instance)) InstanceName {
	rec := t.rec()
	rec.Serial++
	in := &Instance{
		Name:    InstanceName(fmt.Sprintf("%s-%s-%d", t.name, rec.Birth, rec.Serial)),
		State:   Creating,
		Since:   t.now.Round(0),
		Created: t.now.Round(0),
		Origin:  rec.Origin,
		Spec:    t.x.making,
		Epoch:   rec.Epoch,
		Place:   Place{Project: t.x.spec.Project},
	}
	edit(in)
	t.adopt(in)
	return in.Name
}

// adopt puts an instance in the books that was not there.
func (t *turn) adopt(in *Instance) {
	t.x.replace(nil, in)
	t.batch.Instances[in.Name] = in
	t.todo[in.Name] = true
	t.watchAge(t.now, in)
	t.event(Event{Type: InstanceState, Instance: in.Name, Message: "is " + in.State.String()})
}

// retire gives an idle instance up.
func (t *turn) retire(name InstanceName) {
	in := t.x.Instances[name]
	reason := ReasonSurplus
	switch {
	case t.x.aged[name]:
		reason = ReasonAged
	case t.x.outdated(in):
		reason = ReasonOutdated
	}
	t.doom(in, reason, "")
}

// resolve has the image looked up again, and sets the time for the next look.
func (t *turn) resolve() {
	t.agenda.set(alarm{kind: alarmResolve}, t.now.Add(jitter(resolveEvery)))
	if t.away != nil || t.x.Record.Doomed {
		return
	}
	spec, ctx := t.x.spec, t.work
	order := Order{Manager: t.env.manager, Pool: t.name, Spec: &spec}
	t.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		origin, err := t.env.backend.Resolve(ctx, order)
		t.tell(ctx, func(t *turn) { t.resolved(spec.Making(), origin, err) })
	})
}

// resolved takes in what the image is now. While it cannot be looked up, the
// pool goes on with what it knew.
func (t *turn) resolved(making string, origin Origin, err error) {
	switch {
	case making != t.x.making:
		return // asked before the spec was changed
	case err != nil:
		t.suffer(&t.origin, err)
		return
	}
	t.origin = nil
	if origin != t.x.Record.Origin {
		t.rec().Origin = origin
		t.x.respec()
	}
}

// What ends an outage that does not say so itself.
const (
	remedyJournal = "free space or mend the disk; lxd-pool goes on by itself"
	remedyAway    = "bring LXD back; lxd-pool goes on by itself"
	remedyRemote  = "bring it back; lxd-pool goes on by itself"
)

// remedyCreation is what to do about a creation that keeps failing, if the cause
// does not say so.
func (w *writer) remedyCreation() string {
	return fmt.Sprintf(`mend the cause; lxd-pool tries again by itself, or at once with "lxd-pool refill %s"`, w.name)
}

// shortage says why somebody who asks for n does not have them, and what would
// end that. n is 0 when nobody asks, and the pool itself lacks ready ones.
func (t *turn) shortage(n int) (why, next string) {
	h, spec := t.x.have(), &t.x.spec
	switch {
	case t.trouble != nil:
		return "the journal cannot be written: " + t.trouble.cause, cmp.Or(t.trouble.next, remedyJournal)
	case t.away != nil:
		return "LXD is away: " + t.away.cause, cmp.Or(t.away.next, remedyAway)
	case t.grantsHeld() != "":
		return t.grantsHeld(), "try again in a moment"
	case t.breaker.failures > 0:
		return "creation keeps failing: " + t.breaker.cause, cmp.Or(t.breaker.next, t.remedyCreation())
	case h.total() >= spec.Max:
		return fmt.Sprintf("no more than %d may exist: %s", spec.Max, h.use()),
			fmt.Sprintf(`wait longer, or raise it with "lxd-pool set %s max=%d"`, t.name, 2*spec.Max)
	case n == 0:
		return h.use(), "" // more are on their way
	case h.ready >= n && t.queue.demand > 0:
		return count(h.ready, "is ready, but others are", "are ready, but others are") + " in line before", "wait longer"
	case h.ready > 0:
		why = fmt.Sprintf("%s, and %d are asked for at once: %s", count(h.ready, "is ready", "are ready"), n, h.use())
	default:
		why = h.use()
	}
	return why, fmt.Sprintf(`wait longer, or keep more ready with "lxd-pool set %s size=%d"`, t.name, max(n, spec.Size+1))
}

// use says what the instances are that are not ready.
func (h have) use() string {
	var parts []string
	for _, some := range []struct {
		n    int
		what string
	}{
		{h.leased, "leased"}, {h.creating + h.spare + h.starting, "being made"}, {h.resetting + h.deleting, "being cleaned up"},
	} {
		if some.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", some.n, some.what))
		}
	}
	if len(parts) == 0 {
		return "none is leased or being made"
	}
	return strings.Join(parts, ", ")
}

// since formats how long ago something was, for people.
func since(now, then time.Time) string {
	return Duration(max(0, now.Round(0).Sub(then.Round(0))).Round(time.Second)).String()
}

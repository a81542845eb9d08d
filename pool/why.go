package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Why explains a pool, a lease or an instance; "" explains every pool that has a problem.
func (m *Manager) Why(ctx context.Context, subject string) ([]Explanation, error) {
	if subject == "" {
		return m.whyAll(ctx)
	}
	if w, err := m.writer(PoolName(subject)); err == nil {
		e, err := read(ctx, w, func(t *turn) (Explanation, error) { return t.explainPool(), nil })
		return []Explanation{e}, err
	}
	if strings.Contains(subject, ".") {
		w, err := m.ofLease(LeaseID(subject))
		if err != nil {
			return nil, err
		}
		e, err := read(ctx, w, func(t *turn) (Explanation, error) { return t.explainLease(LeaseID(subject)) })
		return []Explanation{e}, err
	}
	name := InstanceName(subject)
	missing := Errorf(ErrNoInstance, `see "lxd-pool list", "lxd-pool leases" and "lxd-pool instances"`,
		"cannot explain %q: there is no pool, lease or instance of that name", subject)
	w, err := m.writer(name.pool())
	if err != nil {
		return nil, missing
	}
	e, err := read(ctx, w, func(t *turn) (Explanation, error) {
		in := t.x.Instances[name]
		if in == nil {
			return Explanation{}, missing
		}
		return t.explainInstance(in), nil
	})
	return []Explanation{e}, err
}

// whyAll explains the pools that have a problem or requests that wait.
func (m *Manager) whyAll(ctx context.Context) ([]Explanation, error) {
	list := []Explanation{}
	for _, w := range m.all() {
		e, err := read(ctx, w, func(t *turn) (*Explanation, error) {
			if len(t.problems()) == 0 && t.queue.demand == 0 {
				return nil, nil
			}
			e := t.explainPool()
			return &e, nil
		})
		if err != nil && !errors.Is(err, ErrNoPool) {
			return nil, err
		}
		if e != nil {
			list = append(list, *e)
		}
	}
	return list, nil
}

// problems lists what keeps the pool from doing what its spec asks, worst first.
func (t *turn) problems() []Problem {
	list := []Problem{}
	add := func(code string, o *outage, text, remedy string) {
		if o != nil {
			list = append(list, Problem{Code: code, Text: text + o.cause, Remedy: cmp.Or(o.next, remedy),
				Since: o.since.Round(0), Next: o.retry.Round(0)})
		}
	}
	add("journal", t.trouble, "the journal cannot be written, and nothing is granted until it can be: ", remedyJournal)
	add("lxd-away", t.away, awayText, remedyAway)
	for _, remote := range t.remotesAway() {
		add("remote-away", t.remotes[remote], fmt.Sprintf("remote %s cannot be reached; the leases of what was moved there stay: ", remote), remedyRemote)
	}
	add("burial", t.burial, "what is left of the pool cannot be deleted: ", "")
	if b := &t.breaker; b.failures > 0 {
		text := fmt.Sprintf("making instances failed %s in a row: %s", times(b.failures), b.cause)
		list = append(list, Problem{Code: "creation-failing", Text: text, Remedy: cmp.Or(b.next, t.remedyCreation()),
			Since: b.since.Round(0), Next: b.retry.Round(0)})
	}
	if t.away == nil {
		add("image-unknown", t.origin, "what instances are made from cannot be looked up; the pool goes on with what it has: ", "")
	}
	for name, tries := range t.tries {
		in := t.x.Instances[name]
		if in != nil && in.State == Deleting && tries >= 3 {
			list = append(list, Problem{Code: "wedged", Text: fmt.Sprintf("%s %s", name, in.Detail),
				Since: in.Since, Next: t.agenda.when(alarm{alarmRetry, string(name)}).Round(0)})
		}
	}
	if v := t.queue.head(); v != nil && t.x.have().total() >= t.x.spec.Max {
		_, remedy := t.shortage(v.Count)
		list = append(list, Problem{Code: "full", Since: v.began.Round(0), Remedy: remedy, Text: fmt.Sprintf(
			"%s, and no more than %d may exist", count(len(t.queue.waiters), "request waits", "requests wait"), t.x.spec.Max)})
	}
	return list
}

// remotesAway are the remotes that cannot be reached and matter to the pool.
func (t *turn) remotesAway() []RemoteName {
	away := map[RemoteName]bool{}
	for _, in := range t.x.Instances {
		for _, remote := range in.remotes() {
			if t.remotes[remote] != nil {
				away[remote] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(away))
}

const awayText = "LXD cannot be reached; leases stay, and work goes on when it is back: "

// explainPool says what the pool is doing and what it lacks.
func (t *turn) explainPool() Explanation {
	h, spec := t.x.have(), &t.x.spec
	e := Explanation{Subject: string(t.name)}
	switch {
	case t.x.Record.Doomed:
		e.Summary = fmt.Sprintf("pool %s is being deleted; %s left", t.name, count(h.total(), "instance is", "instances are"))
	case t.x.Record.Unkept:
		e.Summary = fmt.Sprintf("pool %s goes when %s has ended: %s no longer has it",
			t.name, count(t.x.count[Leased], "lease", "leases"), t.x.Record.Keeper.words())
	case t.x.Record.Disabled:
		e.Summary = fmt.Sprintf("pool %s is disabled and gives no leases", t.name)
		e.advise("lxd-pool enable " + string(t.name))
	case t.queue.demand > 0:
		why, next := t.shortage(t.queue.head().Count)
		e.Summary = fmt.Sprintf("%s for %s: %s",
			count(len(t.queue.waiters), "request waits", "requests wait"), instances(t.queue.demand), why)
		e.advise(next)
	case h.ready < spec.Size:
		why, next := t.shortage(0)
		e.Summary = fmt.Sprintf("%d of %d ready: %s", h.ready, spec.Size, why)
		e.advise(next)
	default:
		e.Summary = fmt.Sprintf("%d of %d ready", h.ready, spec.Size)
	}
	for _, p := range t.problems() {
		fact := p.Text + ", since " + since(t.now, p.Since) + " ago"
		if !p.Next.IsZero() {
			fact += ", tried again in " + since(p.Next, t.now)
		}
		e.Facts = append(e.Facts, fact)
		e.advise(p.Remedy)
	}
	e.Facts = append(e.Facts, fmt.Sprintf(
		"%d of at most %d built: %d ready, %d leased, %d spare, %d creating, %d starting, %d resetting, %d deleting",
		h.total(), spec.Max, h.ready, h.leased, h.spare, h.creating, h.starting, h.resetting, h.deleting))
	for _, stage := range t.stages() {
		e.Facts = append(e.Facts, "LXD is at work for it: "+stage)
	}
	if n := h.oldReady + h.oldSpare; n > 0 {
		e.Facts = append(e.Facts, count(n, "idle one is outdated and is", "idle ones are outdated and are")+" being replaced, a few at a time")
	}
	if t.queue.demand > 0 || h.total() >= spec.Max {
		t.tellLeases(&e)
	}
	return e
}

// stages are what is being done to make instances, each once.
func (t *turn) stages() []string {
	var list []string
	for _, j := range t.jobs {
		if stage := j.doing(); stage != "" {
			list = append(list, stage)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// advise adds a next step, if it is one and was not named before.
func (e *Explanation) advise(next string) {
	if next != "" && !slices.Contains(e.Next, next) {
		e.Next = append(e.Next, next)
	}
}

// leasesTold is how many leases an explanation names.
const leasesTold = 5

// tellLeases tells of the leases that have lasted longest, and of the next to end.
func (t *turn) tellLeases(e *Explanation) {
	grants := slices.SortedFunc(slices.Values(t.leases()), oldestFirst)
	if len(grants) == 0 {
		return
	}
	tell := func(l *Lease, format string, args ...any) {
		e.Leases = append(e.Leases, LeaseFact{l.ID, l.Holder, fmt.Sprintf(format, args...)})
	}
	for _, g := range grants[:min(leasesTold, len(grants))] {
		purpose := ""
		if g.Lease.Purpose != "" {
			purpose = " for " + g.Lease.Purpose
		}
		tell(g.Lease, "%s has %s since %s%s", g.Lease.Holder, g.Lease.Instance, since(t.now, g.Lease.Created), purpose)
	}
	if more := len(grants) - leasesTold; more > 0 {
		e.Facts = append(e.Facts, count(more, "more has a lease", "more have leases")+" for a shorter time")
	}
	next := slices.MinFunc(grants, func(a, b Grant) int { return a.Lease.Expires.Compare(b.Lease.Expires) }).Lease
	tell(next, "the next lease to expire is %s, in %s", next.ID, since(next.Expires, t.now))
}

func (t *turn) explainLease(id LeaseID) (Explanation, error) {
	l := t.x.Leases[id]
	if l == nil {
		return Explanation{}, noLease(id)
	}
	e := Explanation{Subject: string(id)}
	e.Facts = append(e.Facts, fmt.Sprintf("%s got it at %s on %s, with fence %d", l.Holder, l.Created.Format(time.RFC3339), l.Instance, l.Fence))
	if l.Purpose != "" {
		e.Facts = append(e.Facts, "for "+l.Purpose)
	}
	if l.Ended != nil {
		e.Summary = fmt.Sprintf("lease %s ended at %s: %s", id, l.Ended.At.Format(time.RFC3339), endingText(l.Ended))
		e.Next = append(e.Next, "lxd-pool acquire "+string(l.Pool))
		return e, nil
	}
	e.Summary = fmt.Sprintf("lease %s lasts another %s", id, since(l.Expires, t.now))
	if in := t.x.Instances[l.Instance]; in.unsettled() {
		e.Facts = append(e.Facts, fmt.Sprintf("its instance is being moved from %s to %s since %s", in.Moving.From.where(), in.Moving.To.where(), since(t.now, in.Moving.Since)))
	} else if in.Moved {
		e.Facts = append(e.Facts, "its instance was moved and is at "+in.Place.where())
	}
	e.Next = append(e.Next, "lxd-pool renew "+string(id), "lxd-pool release "+string(id))
	return e, nil
}

func (t *turn) explainInstance(in *Instance) Explanation {
	e := Explanation{Subject: string(in.Name)}
	e.Summary = fmt.Sprintf("instance %s is %s since %s", in.Name, in.State, since(t.now, in.Since))
	if in.Lease != "" {
		e.Facts = append(e.Facts, fmt.Sprintf("lease %s of %s has it", in.Lease, t.x.Leases[in.Lease].Holder))
	}
	if in.Reason != "" {
		e.Summary += ", because: " + string(in.Reason)
		if in.Detail != "" {
			e.Facts = append(e.Facts, in.Detail)
		}
	}
	if in.Hold != nil {
		e.Facts = append(e.Facts, fmt.Sprintf("held by %s for another %s: %s", in.Hold.By, since(in.Hold.Until, t.now), in.Hold.Reason))
		e.advise(fmt.Sprintf("lxd-pool hold %s --end", in.Name))
	}
	if (in.State == Ready || in.State == Spare) && t.x.outdated(in) {
		e.Facts = append(e.Facts, "it is outdated and will be replaced")
	}
	e.Facts = append(e.Facts, fmt.Sprintf("made %s ago from %s; %s so far", since(t.now, in.Created), cmp.Or(string(in.Origin), "an unknown image"),
		count(int(in.Fence), "lease", "leases")))
	if j := t.jobs[in.Name]; j != nil && j.doing() != "" {
		e.Facts = append(e.Facts, "LXD is at work on it: "+j.doing())
	}
	if tries := t.tries[in.Name]; tries > 0 {
		e.Facts = append(e.Facts, fmt.Sprintf("work on it failed %s and is tried again", times(tries)))
	}
	return e
}

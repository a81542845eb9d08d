package pool

import (
	"time"
)

// sighting is what LXD listed of one pool.
type sighting struct {
	remote RemoteName // "" for that of the pools
	began  time.Time
	seen   []Seen
	err    error
}

// stray is something listed, and where.
type stray struct {
	remote RemoteName
	name   InstanceName
}

// strangeTwice is how often something tagged as ours that nobody remembers has
// to be seen before it is deleted: once could be a listing older than the journal.
const strangeTwice = 2

// checkEvery is how often a ready instance is looked at closely.
const checkEvery = 2 * time.Minute

// sighted compares what LXD listed with what the journal says, and returns the
// templates that nobody needs any more.
func (t *turn) sighted(s sighting) (stale []Seen) {
	if !t.answered(s) {
		return nil
	}
	listed := make(map[InstanceName]Seen, len(s.seen))
	strange := map[stray]int{}
	for which, times := range t.strange {
		if which.remote != s.remote {
			strange[which] = times
		}
	}
	for _, seen := range s.seen {
		listed[seen.Name] = seen
		seen.Place.Remote = s.remote
		if !t.known(seen) && !mutated(ignoreLeaks) {
			which := stray{s.remote, seen.Name}
			if strange[which] = t.strange[which] + 1; strange[which] >= strangeTwice {
				stale = append(stale, t.expel(seen)...)
			}
		}
	}
	t.strange = strange
	for _, in := range t.x.Instances {
		if in.Place.Remote == s.remote && in.Since.Before(s.began.Round(0)) {
			t.compare(in, listed)
		}
	}
	t.orderChecks()
	return stale
}

// answered takes in whether the LXD that was to be listed did answer.
func (t *turn) answered(s sighting) bool {
	switch {
	case s.remote != "" && s.err != nil:
		o := t.remotes[s.remote]
		t.suffer(&o, s.err)
		t.remotes[s.remote] = o
	case s.remote != "":
		delete(t.remotes, s.remote)
	case s.err != nil:
		t.backendAway(s.err)
	default:
		t.backendBack()
		t.listed, t.seen = true, t.now
	}
	return s.err == nil
}

// known reports whether something listed has its place in the pool, or hides
// who it belongs to, as what is on a cluster member that is away does.
func (t *turn) known(seen Seen) bool {
	if seen.Status == Unknown {
		return true
	}
	if seen.Of != "" {
		of := t.x.Instances[seen.Of]
		return of != nil && of.Moving != nil
	}
	if seen.Template == "" {
		in := t.x.Instances[seen.Name]
		return in != nil && in.mayBeOn(seen.Place.Remote)
	}
	return t.x.count[Creating] > 0 || seen.Template == t.x.Record.Origin || seen.Template == t.x.Record.Proven
}

// expel sends away what nobody remembers: instances by way of the books, so
// that they are counted until they are gone; templates, and what a move left
// behind whose instance is in the books elsewhere, by the one who asked.
func (t *turn) expel(seen Seen) []Seen {
	if seen.Template != "" || seen.Of != "" || t.x.Instances[seen.Name] != nil {
		return []Seen{seen}
	}
	t.stats.Leaked++
	t.adopt(&Instance{
		Name: seen.Name, State: Deleting, Reason: ReasonLeaked,
		Since: t.now.Round(0), Created: seen.Created, Place: seen.Place,
	})
	t.event(Event{Type: InstanceLeaked, Instance: seen.Name, Message: "carries our tag, but nobody remembers it; it is deleted"})
	return nil
}

// compare acts on an instance that is not what the books say. Those under work
// are left to their jobs.
func (t *turn) compare(in *Instance, listed map[InstanceName]Seen) {
	seen, there := listed[in.Name]
	if there {
		delete(t.missing, in.Name)
	}
	switch {
	case in.unsettled():
	case in.State != Spare && in.State != Ready && in.State != Leased:
	case !there && in.State == Leased:
		t.missing[in.Name]++
		if t.missing[in.Name] >= strangeTwice {
			delete(t.missing, in.Name)
			t.endLease(t.x.Leases[in.Lease], Ending{By: System, Cause: Vanished, Reason: "its instance is no longer in LXD"})
		}
	case !there:
		t.doom(in, ReasonVanished, "it is no longer in LXD")
	case in.State == Leased || seen.Status == Unknown:
	case seen.Status != in.expected():
		t.doom(in, ReasonTampered, "it is "+string(seen.Status)+" and should be "+string(in.expected()))
	}
}

// expected is the status that an idle instance should have.
func (in *Instance) expected() Status {
	switch {
	case in.State == Spare:
		return Stopped
	case in.Standby == StandbyFrozen:
		return Frozen
	}
	return Running
}

// orderChecks has a few of the ready instances looked at, each every now and then.
func (t *turn) orderChecks() {
	left := 1 + t.x.count[Ready]/8
	for _, shelf := range []shelf{t.x.ready.fresh, t.x.ready.old} {
		for e := shelf.order.Front(); e != nil && left > 0; e = e.Next() {
			name := e.Value.(InstanceName)
			if t.now.Sub(t.checked[name]) >= checkEvery {
				t.check(name)
				left--
			}
		}
	}
}

// check has one ready instance looked at now.
func (t *turn) check(name InstanceName) {
	if in := t.x.Instances[name]; in != nil && in.State == Ready {
		t.checks[name], t.todo[name] = true, true
	}
}

// hinted looks at what LXD hinted at.
func (t *turn) hinted(h Hint) {
	in := t.x.Instances[h.Instance]
	switch {
	case in == nil:
	case in.State == Ready && t.jobs[in.Name] == nil:
		t.check(in.Name)
	case in.State == Leased || in.State == Spare:
		t.env.look()
	}
}

func (t *turn) backendAway(err error) {
	if t.away == nil {
		t.log.Warn("LXD cannot be reached", "error", err)
		t.event(Event{Type: BackendAway, Message: err.Error()})
	}
	t.suffer(&t.away, err)
	t.env.look()
}

func (t *turn) backendBack() {
	if t.away == nil {
		return
	}
	t.away = nil
	t.log.Info("LXD is back")
	t.event(Event{Type: BackendBack, Message: "LXD answers again"})
}

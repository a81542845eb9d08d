package pool

import (
	"time"
)

// sighting is what LXD listed of one pool.
type sighting struct {
	began time.Time
	seen  []Seen
	err   error
}

// strangeTwice is how often something tagged as ours that nobody remembers has
// to be seen before it is deleted: once could be a listing older than the journal.
const strangeTwice = 2

// checkEvery is how often a ready instance is looked at closely.
const checkEvery = 2 * time.Minute

// sighted compares what LXD listed with what the journal says, and returns the
// templates that nobody needs any more.
func (t *turn) sighted(s sighting) (stale []Seen) {
	if s.err != nil {
		t.backendAway(s.err)
		return nil
	}
	t.backendBack()
	t.listed, t.seen = true, t.now
	listed := make(map[InstanceName]Seen, len(s.seen))
	strange := map[InstanceName]int{}
	for _, seen := range s.seen {
		listed[seen.Name] = seen
		if !t.known(seen) && !mutated(ignoreLeaks) {
			if strange[seen.Name] = t.strange[seen.Name] + 1; strange[seen.Name] >= strangeTwice {
				stale = append(stale, t.expel(seen)...)
			}
		}
	}
	t.strange = strange
	for _, in := range t.x.Instances {
		if in.Since.Before(s.began.Round(0)) {
			t.compare(in, listed)
		}
	}
	t.orderChecks()
	return stale
}

// known reports whether something listed has its place in the pool, or hides
// who it belongs to, as what is on a cluster member that is away does.
func (t *turn) known(seen Seen) bool {
	if seen.Status == Unknown {
		return true
	}
	if seen.Template == "" {
		return t.x.Instances[seen.Name] != nil
	}
	return t.x.count[Creating] > 0 || seen.Template == t.x.Record.Origin || seen.Template == t.x.Record.Proven
}

// expel sends away what nobody remembers: instances by way of the books, so
// that they are counted until they are gone, templates by the one who asked.
func (t *turn) expel(seen Seen) []Seen {
	if seen.Template != "" {
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

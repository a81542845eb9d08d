package pool

import (
	"hash/fnv"
	"slices"
	"time"
)

// index is what a writer knows of its pool: the content of the journal, and
// what follows from it. Only the writer touches it. Reading it costs the same
// for ten instances and for a hundred thousand.
type index struct {
	Memory
	spec   Spec   // of the record, with defaults
	making string // of spec

	count [len(States) + 1]int
	ready idle
	spare idle
	held  int
	// forks counts those of the states that are being made as copies of one in use.
	forks [len(States) + 1]int
	aged  map[InstanceName]bool

	running  map[LeaseID]*running
	requests map[requestKey][]LeaseID
	ended    []LeaseID // in the order of their end
}

// running is what is known of a running lease in this process only. Its times
// carry the monotonic clock.
type running struct {
	granted, deadline time.Time
	// done is closed when the lease ends.
	done chan struct{}
}

type requestKey struct {
	holder  Identity
	request RequestID
}

// newIndex builds an index of m, which becomes its own. Leases go on with the
// time that they had left when the record was last alive.
func newIndex(m *Memory, now time.Time) *index {
	x := &index{
		Memory:   *m,
		ready:    newIdle(),
		spare:    newIdle(),
		aged:     map[InstanceName]bool{},
		running:  map[LeaseID]*running{},
		requests: map[requestKey][]LeaseID{},
	}
	x.respec()
	for _, in := range x.Instances {
		x.enter(in)
	}
	for _, l := range x.Leases {
		x.enterLease(l)
		if l.Ended != nil {
			x.ended = append(x.ended, l.ID)
			continue
		}
		x.running[l.ID] = &running{
			granted:  now.Add(l.Created.Sub(x.Record.Alive)),
			deadline: now.Add(l.Expires.Sub(x.Record.Alive)),
			done:     make(chan struct{}),
		}
	}
	slices.SortFunc(x.ended, func(a, b LeaseID) int {
		return x.Leases[a].Ended.At.Compare(x.Leases[b].Ended.At)
	})
	return x
}

// respec takes over what the record now says of the spec and the origin.
func (x *index) respec() {
	x.spec = x.Record.Spec.WithDefaults()
	x.making = x.spec.Making()
	for _, in := range x.Instances {
		if in.State == Spare || in.State == Ready {
			x.leave(in)
			x.enter(in)
		}
	}
}

// replace puts next in the place of before; either may be nil.
func (x *index) replace(before, next *Instance) {
	if before != nil {
		x.leave(before)
		delete(x.Instances, before.Name)
	}
	if next != nil {
		x.Instances[next.Name] = next
		x.enter(next)
	} else if before != nil {
		delete(x.aged, before.Name)
	}
}

func (x *index) enter(in *Instance) {
	x.count[in.State]++
	if in.ForkOf != "" {
		x.forks[in.State]++
	}
	if in.Hold != nil {
		x.held++
	}
	switch in.State {
	case Ready:
		x.ready.add(in.Name, x.outdated(in))
	case Spare:
		x.spare.add(in.Name, x.outdated(in))
	}
}

func (x *index) leave(in *Instance) {
	x.count[in.State]--
	if in.ForkOf != "" {
		x.forks[in.State]--
	}
	if in.Hold != nil {
		x.held--
	}
	x.ready.remove(in.Name)
	x.spare.remove(in.Name)
}

// outdated judges whether an instance should be replaced when nobody has it.
func (x *index) outdated(in *Instance) bool {
	return in.Spec != x.making || x.aged[in.Name] ||
		x.Record.Origin != "" && in.Origin != "" && in.Origin != x.Record.Origin
}

// age returns the time at which an instance is too old, and whether there is
// one. The jitter follows from its name, so that it need not be stored.
func (x *index) age(in *Instance) (time.Time, bool) {
	if x.spec.MaxAge == 0 {
		return time.Time{}, false
	}
	h := fnv.New32a()
	h.Write([]byte(in.Name))
	most := time.Duration(x.spec.MaxAge)
	return in.Created.Add(most - most/10*time.Duration(h.Sum32()%1000)/1000), true
}

func (x *index) enterLease(l *Lease) {
	if l.Request == "" {
		return
	}
	key := requestKey{l.Holder, l.Request}
	if !slices.Contains(x.requests[key], l.ID) {
		x.requests[key] = append(x.requests[key], l.ID)
	}
}

// forgetRequest makes a request id new again for its holder.
func (x *index) forgetRequest(l *Lease) {
	key := requestKey{l.Holder, l.Request}
	left := slices.DeleteFunc(slices.Clone(x.requests[key]), func(id LeaseID) bool { return id == l.ID })
	if len(left) == 0 {
		delete(x.requests, key)
	} else {
		x.requests[key] = left
	}
}

// have is what the plan needs to know. Copies of what is in use are nobody
// else's, so they only take room.
func (x *index) have() have {
	return have{
		forks:    x.forks[Creating] + x.forks[Starting],
		creating: x.count[Creating] - x.forks[Creating], spare: x.count[Spare], starting: x.count[Starting] - x.forks[Starting],
		ready: x.count[Ready], leased: x.count[Leased], resetting: x.count[Resetting],
		deleting: x.count[Deleting],
		oldSpare: x.spare.old.len(), oldReady: x.ready.old.len(),
	}
}

// holds reports whether the lease's instance is kept for a look.
func (x *index) holds(l *Lease) bool {
	in := x.Instances[l.Instance]
	return in != nil && in.Hold != nil && in.Hold.Lease == l.ID
}

// grant returns a lease with its instance.
func (x *index) grant(l *Lease) Grant {
	g := Grant{Lease: l}
	if in := x.Instances[l.Instance]; in != nil {
		g.Instance = in
	}
	return g
}

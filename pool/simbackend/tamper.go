package simbackend

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// SetAway makes LXD unreachable, or reachable again. Every call fails at once
// with [pool.ErrUnavailable], what is under way stops half way, and hints are lost.
func (b *Backend) SetAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case away && !b.away:
		b.away = true
		b.outages++
	case !away && b.away:
		b.away = false
		b.hint("")
	}
}

// SetLatency changes how long a verb takes from now on.
func (b *Backend) SetLatency(v Verb, l Latency) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latency[v] = l
}

// SetFault changes how often a verb goes wrong from now on.
func (b *Backend) SetFault(v Verb, f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults[v] = f
}

// Stop stops an instance of the project "default" behind everybody's back, as
// its guest can by itself. It reports whether there is such an instance, like
// the others below.
func (b *Backend) Stop(name pool.InstanceName) bool {
	return b.tamper(name, func(in *instance) { in.Status = pool.Stopped })
}

// Sicken makes the probe of an instance fail until it is reset.
func (b *Backend) Sicken(name pool.InstanceName) bool {
	return b.tamper(name, func(in *instance) { in.Sick = true })
}

// Strand takes the cluster member of an instance away: its status is unknown
// and every call on it fails with [pool.ErrUnavailable]. Stop brings it back, stopped.
func (b *Backend) Strand(name pool.InstanceName) bool {
	return b.tamper(name, func(in *instance) { in.Status = pool.Unknown })
}

// Remove deletes an instance behind everybody's back.
func (b *Backend) Remove(name pool.InstanceName) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := key{"default", name}
	if b.world.instances[k] == nil || b.world.drop(k) != nil {
		return false
	}
	b.history.add(Delete, name, "behind the engine's back")
	b.hint(name)
	return true
}

func (b *Backend) tamper(name pool.InstanceName, edit func(*instance)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alter("tamper with", key{"default", name}, edit) != nil {
		return false
	}
	b.history.add("tamper", name, "done")
	b.hint(name)
	return true
}

// AddTagged adds a running instance that carries the tags of a manager and a
// pool, such as one that leaked.
func (b *Backend) AddTagged(name pool.InstanceName, m pool.ManagerID, p pool.PoolName) {
	b.add(&instance{Name: name, Manager: m, Pool: p})
}

// AddUntagged adds a running instance that has nothing to do with pools.
func (b *Backend) AddUntagged(name pool.InstanceName) { b.add(&instance{Name: name}) }

func (b *Backend) add(in *instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in.Project, in.Location, in.Created = "default", "sim", time.Now()
	in.Status, in.Made, in.Used = pool.Running, true, true
	in.Number = b.world.number + 1
	if err := b.world.put(in); err != nil {
		panic(err)
	}
	b.hint(in.Name)
}

// Info is what the world knows of one instance or template.
type Info struct {
	Project  string
	Name     pool.InstanceName
	Manager  pool.ManagerID // "" when it is untagged
	Pool     pool.PoolName
	Template pool.Origin
	Origin   pool.Origin
	Status   pool.Status
	// Made is false while its making has not come to its end.
	Made bool
	// Wedged ones can never be deleted.
	Wedged bool
}

// Instances returns everything that exists, untagged ones and templates too,
// by name.
func (b *Backend) Instances() []Info {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Info, 0, len(b.world.instances))
	for _, in := range b.world.instances {
		list = append(list, Info{in.Project, in.Name, in.Manager, in.Pool, in.Template, in.Origin, in.Status, in.Made, in.Wedged})
	}
	slices.SortFunc(list, func(x, y Info) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// Peak is the most instances that a pool ever had at once, templates apart.
func (b *Backend) Peak(p pool.PoolName) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.world.peak[p]
}

func join(words iter.Seq[string]) string { return strings.Join(slices.Sorted(words), ", ") }

// Fifo puts a fifo at a path in an instance, in place of what is there.
func (b *Backend) Fifo(name pool.InstanceName, at string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	files, err := b.tree(key{"default", name})
	if err != nil {
		return
	}
	files.mu.Lock()
	defer files.mu.Unlock()
	files.plant(at, newNode(pool.Fifo, 0o600))
}

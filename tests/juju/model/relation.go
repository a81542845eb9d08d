package model

import (
	"maps"
	"slices"
	"strings"

	"github.com/juju/charm/v12"
	"github.com/juju/juju/core/life"
	"github.com/juju/names/v5"
)

// Relation is two endpoints, or one for peers, and what both sides have
// written. What a unit has written stays readable until the relation is gone,
// also when the unit is not there any more.
type Relation struct {
	ID  int
	Key string // as "web:pool lxd-pool:lease"

	endpoints []endpoint
	life      life.Value
	scope     map[string]bool // who is in it; true: nobody is to see it any more
	units     map[string]*bag
	apps      map[string]*bag
}

// endpoint is an end of a relation at an application.
type endpoint struct {
	app string
	charm.Relation
}

func (e endpoint) String() string { return e.app + ":" + e.Name }

// bag is what a unit or an application has written, and how often it changed.
type bag struct {
	values  map[string]string
	version int64
}

func newBag(values map[string]string) *bag {
	if values == nil {
		values = map[string]string{}
	}
	return &bag{values: values}
}

// write takes changes over as Juju does: an empty value removes the key, and
// what changes nothing is no change.
func (b *bag) write(changes map[string]string) {
	was := maps.Clone(b.values)
	for key, value := range changes {
		if value == "" {
			delete(b.values, key)
		} else {
			b.values[key] = value
		}
	}
	if !maps.Equal(was, b.values) {
		b.version++
	}
}

// Relate relates two endpoints, as "web:pool" and "lxd-pool:lease", and
// returns the id of the relation.
func (m *Model) Relate(one, other string) int {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	a, b := m.endpoint(one), m.endpoint(other)
	switch {
	case a.Interface != b.Interface:
		m.fatal("relate %s and %s: one is %s, the other %s", one, other, a.Interface, b.Interface)
	case a.Role == b.Role || a.Role == charm.RolePeer || b.Role == charm.RolePeer:
		m.fatal("relate %s and %s: one must provide and the other require", one, other)
	case m.find(one, other) != nil:
		m.fatal("relate %s and %s: they are already", one, other)
	}
	if a.Role == charm.RoleProvider {
		a, b = b, a
	}
	return m.addRelation(a, b).ID
}

// addRelation makes one, with its requirer first, as in Juju's own keys. The
// caller holds mu.
func (m *Model) addRelation(ends ...endpoint) *Relation {
	m.lastRel++
	r := &Relation{
		ID: m.lastRel, endpoints: ends, life: life.Alive,
		scope: map[string]bool{}, units: map[string]*bag{}, apps: map[string]*bag{},
	}
	var keys []string
	for _, end := range ends {
		keys = append(keys, end.String())
		r.apps[end.app] = newBag(nil)
	}
	r.Key = strings.Join(keys, " ")
	m.relations[r.ID] = r
	m.changed()
	return r
}

// Unrelate has a relation end: its units see each other depart, then it is
// broken on both sides.
func (m *Model) Unrelate(one, other string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.find(one, other)
	if r == nil {
		m.fatal("end the relation of %s and %s: there is none", one, other)
	}
	m.dying(r)
}

// dying begins the end of a relation. The caller holds mu.
func (m *Model) dying(r *Relation) {
	r.life = life.Dying
	if len(r.scope) == 0 {
		m.forget(r)
	}
	m.changed()
}

// forget removes a relation, and with it what was granted in it. The caller
// holds mu.
func (m *Model) forget(r *Relation) {
	delete(m.relations, r.ID)
	m.dropScope(r.tag())
	m.changed()
}

// enter has a unit come into a relation, with what Juju writes for it. The
// caller holds mu.
func (m *Model) enter(r *Relation, u *Unit) {
	if _, in := r.scope[u.Name]; in {
		return
	}
	r.scope[u.Name] = false
	r.units[u.Name] = newBag(map[string]string{
		"private-address": u.address,
		"ingress-address": u.address,
		"egress-subnets":  u.address + "/32",
	})
	m.changed()
}

// departing takes a unit from the sight of the others.
func (r *Relation) departing(unit string) {
	if _, in := r.scope[unit]; in {
		r.scope[unit] = true
	}
}

// leave takes a unit out of a relation; with the last one, a relation that is
// ending goes. The caller holds mu.
func (m *Model) leave(r *Relation, unit string) {
	if _, in := r.scope[unit]; !in {
		return
	}
	delete(r.scope, unit)
	if r.life == life.Dying && len(r.scope) == 0 {
		m.forget(r)
	}
	m.changed()
}

// RelationID is the id of the relation of two endpoints, or that of a peer
// relation if both are the same; -1 if there is none.
func (m *Model) RelationID(one, other string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.find(one, other); r != nil {
		return r.ID
	}
	return -1
}

// Bag is what a unit ("web/0") or an application ("web") has in a relation,
// without what Juju itself writes there; nil if there is nothing.
func (m *Model) Bag(relation int, who string) map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.relations[relation]
	if r == nil {
		return nil
	}
	b := r.units[who]
	if b == nil {
		b = r.apps[who]
	}
	if b == nil {
		return nil
	}
	values := maps.Clone(b.values)
	for _, key := range []string{"private-address", "ingress-address", "egress-subnets"} {
		delete(values, key)
	}
	return values
}

// tag is what Juju calls the relation.
func (r *Relation) tag() names.RelationTag { return names.NewRelationTag(r.Key) }

// ends returns the endpoint of an application and the one it sees: for peers,
// itself.
func (r *Relation) ends(app string) (own, other endpoint, ok bool) {
	if len(r.endpoints) == 1 {
		return r.endpoints[0], r.endpoints[0], r.endpoints[0].app == app
	}
	for i, end := range r.endpoints {
		if end.app == app {
			return end, r.endpoints[1-i], true
		}
	}
	return own, other, false
}

// find returns the relation of two endpoints. The caller holds mu.
func (m *Model) find(one, other string) *Relation {
	for _, r := range m.relations {
		var ends []string
		for _, end := range r.endpoints {
			ends = append(ends, end.String())
		}
		if len(ends) == 1 {
			ends = append(ends, ends[0])
		}
		if slices.Contains(ends, one) && slices.Contains(ends, other) && (one != other || ends[0] == ends[1]) {
			return r
		}
	}
	return nil
}

// endpoint parses one. The caller holds mu.
func (m *Model) endpoint(s string) endpoint {
	m.t.Helper()
	name, end, _ := strings.Cut(s, ":")
	meta := m.app(name).charm.Meta()
	for _, all := range []map[string]charm.Relation{meta.Provides, meta.Requires, meta.Peers} {
		if r, ok := all[end]; ok {
			return endpoint{app: name, Relation: r}
		}
	}
	m.fatal("find the endpoint %s: the charm of %s has none of that name", s, name)
	return endpoint{}
}

// relationsOf lists the relations of an application in the order of their
// ids. The caller holds mu.
func (m *Model) relationsOf(app string) []*Relation {
	var found []*Relation
	for _, r := range m.relations {
		if _, _, ok := r.ends(app); ok {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *Relation) int { return a.ID - b.ID })
	return found
}

// relation finds one by its tag. The caller holds mu.
func (m *Model) relationByTag(tag string) *Relation {
	parsed, err := names.ParseRelationTag(tag)
	if err != nil {
		return nil
	}
	for _, r := range m.relations {
		if r.Key == parsed.Id() {
			return r
		}
	}
	return nil
}

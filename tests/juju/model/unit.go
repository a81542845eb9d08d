package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/juju/juju/core/life"
	"github.com/juju/juju/core/network"
	"github.com/juju/juju/core/status"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"
)

// Unit is what the controller knows of a unit. What its agent knows is in the
// states, which the agent keeps here as it does in Juju.
type Unit struct {
	Name string

	app     *App
	number  int
	address string
	machine string
	life    life.Value
	killed  bool // its agent never runs again
	status  Status
	agent   Status
	version string
	ports   network.GroupedPortRanges
	states  params.UnitStateResult
	actions []string // pending, in order
}

// AddUnit makes a unit, and returns its name. The first one leads.
func (m *Model) AddUnit(app string) string {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.app(app)
	if a.life != life.Alive {
		m.fatal("add a unit to %s: it is being removed", app)
	}
	m.lastUnit++
	u := &Unit{
		Name: fmt.Sprintf("%s/%d", app, a.next), app: a, number: a.next,
		machine: fmt.Sprint(m.lastUnit), life: life.Alive,
		status: Status{Status: status.Waiting.String(), Message: status.MessageInstallingAgent},
		agent:  Status{Status: status.Allocating.String()},
		ports:  network.GroupedPortRanges{},
	}
	u.address = m.opts.Address(u.Name, m.lastUnit)
	a.next++
	m.units[u.Name] = u
	if a.leader == "" {
		a.leader = u.Name
	}
	m.changed()
	return u.Name
}

// RemoveUnit has a unit leave in good order: relations are broken, then it
// stops, then it is gone. The others see it depart at once.
func (m *Model) RemoveUnit(unit string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removing(m.unit(unit))
}

// removing begins the end of a unit. As Juju does, it is taken from the sight
// of related units before it has left. The caller holds mu.
func (m *Model) removing(u *Unit) {
	if u.life != life.Alive {
		return
	}
	u.life = life.Dying
	for _, r := range m.relationsOf(u.app.Name) {
		r.departing(u.Name)
	}
	m.changed()
}

// KillUnit ends the agent of a unit: no hook of it ever runs again, and nobody
// is told. If it led, its lease runs out and another one leads.
func (m *Model) KillUnit(unit string) {
	m.t.Helper()
	m.mu.Lock()
	u := m.unit(unit)
	u.killed = true
	m.elect(u.app)
	m.changed()
	a := m.agents[unit]
	delete(m.agents, unit)
	m.mu.Unlock()
	if a != nil {
		a.end()
	}
}

// ForceRemove takes a unit away as "juju remove-unit --force" does in the end,
// without a hook of its own. The others see it depart.
func (m *Model) ForceRemove(unit string) {
	m.t.Helper()
	m.KillUnit(unit)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone(m.unit(unit))
}

// gone forgets a unit, and all that ends with one. The caller holds mu.
func (m *Model) gone(u *Unit) {
	u.life = life.Dead
	delete(m.units, u.Name)
	for _, r := range m.relationsOf(u.app.Name) {
		m.leave(r, u.Name)
	}
	m.dropSecretsOf(names.NewUnitTag(u.Name))
	m.elect(u.app)
	m.dropApp(u.app)
	m.changed()
}

// elect finds another leader if the one there was cannot lead any more. The
// caller holds mu.
func (m *Model) elect(a *App) {
	if u := m.units[a.leader]; u != nil && !u.killed {
		return
	}
	a.leader = ""
	for _, u := range m.unitsOf(a.Name) {
		if !u.killed && u.life == life.Alive {
			a.leader = u.Name
			break
		}
	}
	m.changed()
}

// SetLeader moves leadership to a unit.
func (m *Model) SetLeader(unit string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.unit(unit)
	u.app.leader = unit
	m.changed()
}

// Leader is the unit that leads an application, or nobody.
func (m *Model) Leader(app string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.app(app).leader
}

// Units are the names of the units that an application has, in order.
func (m *Model) Units(app string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var units []string
	for _, u := range m.unitsOf(app) {
		units = append(units, u.Name)
	}
	return units
}

// Status is what a unit set last, or what Juju set for it.
func (m *Model) Status(unit string) Status {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unit(unit).status
}

// Address is the address of a unit's machine.
func (m *Model) Address(unit string) string {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unit(unit).address
}

// State is what a unit keeps with state-set.
func (m *Model) State(unit string) map[string]string {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.unit(unit).states.CharmState)
}

// Ports are the ports that a unit has opened, as "8443/tcp", those for one
// endpoint as "8443/tcp lease".
func (m *Model) Ports(unit string) []string {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var ports []string
	for endpoint, ranges := range m.unit(unit).ports {
		for _, r := range ranges {
			ports = append(ports, strings.TrimSpace(r.String()+" "+endpoint))
		}
	}
	slices.Sort(ports)
	return ports
}

// unit finds one by its name. The caller holds mu.
func (m *Model) unit(name string) *Unit {
	m.t.Helper()
	u := m.units[name]
	if u == nil {
		m.fatal("find the unit %s: there is none", name)
	}
	return u
}

// unitsOf lists the units of an application in the order of their numbers. The
// caller holds mu.
func (m *Model) unitsOf(app string) []*Unit {
	var units []*Unit
	for _, u := range m.units {
		if u.app.Name == app {
			units = append(units, u)
		}
	}
	slices.SortFunc(units, func(a, b *Unit) int { return a.number - b.number })
	return units
}

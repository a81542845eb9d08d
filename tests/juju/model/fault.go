package model

import "time"

// Faults are what can go wrong around a charm that is itself in order: each
// one the probability that it happens in a hook, or after one.
type Faults struct {
	Kill    float64 // the hook is ended by SIGKILL somewhere on its way
	Lose    float64 // it succeeds, but nothing of it is taken over
	Twice   float64 // all is taken over, and then the same event comes again
	Depose  float64 // its unit loses leadership while it runs
	Move    float64 // leadership moves to another unit after it
	Restart float64 // the agent of its unit starts again after it
	Update  float64 // some unit gets update-status after it
}

// Usual has every fault, often enough to matter.
var Usual = Faults{Kill: .04, Lose: .04, Twice: .04, Depose: .03, Move: .03, Restart: .03, Update: .05}

type faultKind int

const (
	none faultKind = iota
	kill
	lose
	twice
	depose
)

func (k faultKind) String() string {
	return [...]string{"", "killed", "lost", "comes twice", "deposed"}[k]
}

// fault is what is to happen to one hook.
type fault struct {
	kind  faultKind
	after time.Duration // kill: after this time, or
	tool  int           // with this call of a hook tool
}

// draw decides by the seed what is to happen to the next hook. A hook that has
// failed several times is left alone, so that the world goes on.
func (m *Model) draw(unit string) fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.agents[unit]
	at := m.random.Float64()
	tool, after := 1+m.random.IntN(12), time.Duration(1+m.random.IntN(60))*time.Millisecond
	byTime := m.random.IntN(2) == 0
	if a != nil && a.failures >= 3 {
		return fault{}
	}
	for _, f := range []struct {
		kind   faultKind
		likely float64
	}{{kill, m.opts.Faults.Kill}, {lose, m.opts.Faults.Lose}, {twice, m.opts.Faults.Twice}, {depose, m.opts.Faults.Depose}} {
		if at -= f.likely; at >= 0 {
			continue
		}
		switch {
		case f.kind == kill && byTime:
			return fault{kind: kill, after: after}
		case f.kind == kill:
			return fault{kind: kill, tool: tool}
		}
		return fault{kind: f.kind}
	}
	return fault{}
}

// depose gives leadership to another unit, if the unit has it and there is one.
func (m *Model) depose(unit string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.units[unit]
	if u == nil || u.app.leader != unit {
		return false
	}
	m.moveLeader(u.app)
	return u.app.leader != unit
}

// moveLeader gives leadership to some unit that does not have it. The caller
// holds mu.
func (m *Model) moveLeader(a *App) {
	var others []*Unit
	for _, u := range m.unitsOf(a.Name) {
		if u.Name != a.leader && !u.killed && u.life == "alive" {
			others = append(others, u)
		}
	}
	if len(others) > 0 {
		a.leader = others[m.random.IntN(len(others))].Name
		m.changed()
	}
}

// between brings the faults that happen between two hooks.
func (m *Model) between(ran string) {
	f := m.opts.Faults
	m.mu.Lock()
	move, restart, update := m.random.Float64() < f.Move, m.random.Float64() < f.Restart, m.random.Float64() < f.Update
	u := m.units[ran]
	if u == nil || u.killed {
		m.mu.Unlock()
		return
	}
	if move {
		m.moveLeader(u.app)
	}
	m.mu.Unlock()
	if update {
		m.UpdateStatus(ran)
	}
	if restart {
		m.restart(ran, false)
	}
}

// UpdateStatus has a unit get update-status when it has nothing else to do.
func (m *Model) UpdateStatus(unit string) {
	m.t.Helper()
	a, err := m.agentOf(unit)
	if err != nil {
		m.fatal("update the status of %s: %v", unit, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a.statuses++
	m.changed()
}

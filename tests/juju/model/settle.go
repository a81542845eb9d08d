package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// HookError is a hook that failed though nothing disturbed it: a fault of the
// charm.
type HookError struct {
	Hook Hook
}

func (e *HookError) Error() string {
	return fmt.Sprintf("%s\n%s", e.Hook, strings.Join(e.Hook.Log, "\n"))
}

// Settle lets units go on, one hook at a time and in the order that the seed
// says, until none has anything to do. It stops at the first hook that failed
// on its own, which the next Settle tries again; and it gives up if there is
// no end.
func (m *Model) Settle() error {
	m.t.Helper()
	for range m.opts.Bound {
		ran, err := m.once()
		if err != nil {
			return err
		}
		if ran == nil {
			return nil
		}
		if ran.Failure != "" && !ran.disturbed() {
			return &HookError{Hook: ran.Hook}
		}
		m.between(ran.Unit)
	}
	return fmt.Errorf("cannot settle: after %d hooks there is still something to do; the last ones:\n%s",
		m.opts.Bound, strings.Join(m.record.last(20), "\n"))
}

// Step runs one hook of some unit that has one due, and returns it; nil if
// none has.
func (m *Model) Step() (*Hook, error) {
	m.t.Helper()
	ran, err := m.once()
	if ran == nil || err != nil {
		return nil, err
	}
	return &ran.Hook, nil
}

// once asks units, in an order of chance, until one has run a hook.
func (m *Model) once() (*run, error) {
	for {
		unit, ok := m.pick()
		if !ok {
			return nil, m.record.fault()
		}
		a, err := m.agentOf(unit)
		if err != nil {
			return nil, err
		}
		switch a.step() {
		case stepped:
			ran := a.ran
			a.count(ran)
			return ran, m.record.fault()
		case idle:
			if !a.retry() {
				m.mu.Lock()
				a.idleAt = m.version
				m.mu.Unlock()
			}
		}
		if err := m.record.fault(); err != nil {
			return nil, err
		}
	}
}

// pick chooses a unit that may have something to do.
func (m *Model) pick() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []string
	for _, name := range slices.Sorted(maps.Keys(m.units)) {
		a := m.agents[name]
		if !m.units[name].killed && (a == nil || a.idleAt != m.version) {
			due = append(due, name)
		}
	}
	if len(due) == 0 {
		return "", false
	}
	return due[m.random.IntN(len(due))], true
}

// count remembers how often the same hook has failed.
func (a *agent) count(ran *run) {
	if ran.Failure == "" && (ran.fault.kind != twice || !ran.disturbed()) {
		a.failures = 0
		return
	}
	a.failures++
}

// retry lets the time pass after which Juju runs a failed hook again.
func (a *agent) retry() bool {
	if !a.wantRetry {
		return false
	}
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	a.wantRetry = false
	a.retries++
	return true
}

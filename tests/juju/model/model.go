// Package model is a small Juju: one controller in memory, and for each unit
// the unit agent of Juju 3.6 itself. What decides which event comes next, what
// a hook may do, what is pending until it ends and what is sent then is Juju's
// own code; only the controller that it talks to is ours. Nothing happens
// between two hooks, and one hook runs at a time, so that a seed says what
// happens.
package model

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/juju/names/v5"
)

// Options say what world to make. Tools is the only one that must be set.
type Options struct {
	// Seed decides which unit goes on when several could, and all faults.
	Seed uint64
	// Tools is the directory that LinkTools filled.
	Tools string
	// Faults is how likely each fault is in a hook; none, if it is left out.
	Faults Faults
	// Bound is how many hooks one Settle may run at most (2000).
	Bound int
	// Address gives the unit that is the n-th of the model, from 1, its
	// address. Left out, it is 127.0.0.n.
	Address func(unit string, n int) string
}

// Model is the controller: what Juju keeps in its database. All of it is
// guarded by mu, which is never held while a hook runs.
type Model struct {
	t    testing.TB
	opts Options
	dir  string // short, since sockets of agents are below it
	name string
	uuid string

	mu        sync.Mutex
	random    *rand.Rand
	apps      map[string]*App
	units     map[string]*Unit
	agents    map[string]*agent
	relations map[int]*Relation
	secrets   map[string]*secret
	actions   map[string]*action
	lastRel   int
	lastUnit  int
	version   int // grows with each change that an agent could see

	record *record
}

// New makes an empty model. When the test ends, its agents end too, and if the
// test failed its transcript is logged.
func New(t testing.TB, opts Options) *Model {
	t.Helper()
	if opts.Bound == 0 {
		opts.Bound = 2000
	}
	if opts.Address == nil {
		opts.Address = func(_ string, n int) string { return fmt.Sprintf("127.0.0.%d", n) }
	}
	if _, err := os.Stat(filepath.Join(opts.Tools, "relation-set")); err != nil {
		t.Fatalf("cannot make a model: there are no hook tools in %q; fill it with LinkTools: %v", opts.Tools, err)
	}
	dir, err := os.MkdirTemp("", "jm")
	if err != nil {
		t.Fatalf("cannot make a model: %v", err)
	}
	m := &Model{
		t: t, opts: opts, dir: dir,
		name: "testing", uuid: "deadbeef-0bad-400d-8000-4b1d0d06f00d",
		random: rand.New(rand.NewPCG(opts.Seed, 0x6a756a75)),
		apps:   map[string]*App{}, units: map[string]*Unit{}, agents: map[string]*agent{},
		relations: map[int]*Relation{}, secrets: map[string]*secret{}, actions: map[string]*action{},
		lastRel: -1,
		record:  newRecord(),
	}
	t.Cleanup(m.close)
	return m
}

// close ends what runs and removes what was made.
func (m *Model) close() {
	for _, a := range m.agents {
		a.end()
	}
	m.record.close()
	if m.t.Failed() {
		m.t.Logf("seed %d; what happened:\n%s", m.opts.Seed, m.Transcript())
	}
	_ = os.RemoveAll(m.dir)
}

// changed notes that agents have something to look at. The caller holds mu.
func (m *Model) changed() { m.version++ }

// fatal ends a test that asked for something that the model does not know.
func (m *Model) fatal(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("cannot "+format, args...)
}

func (m *Model) tag() names.ModelTag { return names.NewModelTag(m.uuid) }

// Package backendtest is the contract of [pool.Backend] as one suite, which
// every backend passes. It makes few instances and uses them for many tests,
// since a real one takes a second to start.
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Subject is a backend under test, and what the suite may use of it.
type Subject struct {
	Backend pool.Backend
	// Manager tags what the suite makes. Nothing of it is in the pool
	// "contract"; at the end the suite deletes all that is.
	Manager pool.ManagerID
	// Spec is one that instances can be made and started of. The suite sets its
	// standby, recycle and probe.
	Spec pool.Spec
	// RealGuests: instances run a real system with a shell, where processes and
	// identities can be looked at. They need "tee", "cat" and "hostname" in any
	// case, if the backend is a [pool.Guest].
	RealGuests bool
}

// Run runs the suite. Its parts run in parallel.
func Run(t *testing.T, s Subject) {
	r := &room{Subject: s, life: string(pool.NewManagerID())[:4]}
	defer r.empty(t)
	t.Run("Images", r.images)
	t.Run("Making", r.making)
	t.Run("Instances", func(t *testing.T) {
		for _, part := range parts {
			t.Run(part.name, func(t *testing.T) {
				t.Parallel()
				part.run(&room{Subject: s, life: r.life + part.letter}, t)
			})
		}
	})
}

// parts each make an instance or two.
var parts = []struct {
	name, letter string
	run          func(r *room, t *testing.T)
}{
	{"Running", "a", (*room).running},
	{"Frozen", "b", (*room).frozen},
	{"Unusable", "c", (*room).unusable},
	{"Deleted", "d", (*room).deleted},
	{"Others", "e", (*room).others},
	{"Leaving", "f", (*room).leaving},
	{"Twins", "g", (*room).twins},
	{"Holders", "j", (*room).holders},
	{"Forked", "h", (*room).forked},
	{"Files", "i", (*room).files},
	{"Forwarding", "k", (*room).forwarding},
}

// room names instances so that no two suites, parts or runs share a name.
type room struct {
	Subject
	life string
}

const contract = pool.PoolName("contract")

// limit bounds every call, so that one that never returns fails the suite.
const limit = 2 * time.Minute

// order is about the n-th instance of this room, by a spec with changes.
func (r *room) order(n int, changes ...func(*pool.Spec)) pool.Order {
	spec := r.Spec
	spec.Recycle = pool.ResetToSnapshot
	for _, change := range changes {
		change(&spec)
	}
	spec = spec.WithDefaults()
	return pool.Order{
		Manager: r.Manager, Pool: contract, Spec: &spec,
		Instance: pool.InstanceName(fmt.Sprintf("%s-%s-%d", contract, r.life, n)),
	}
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect reports an error that is not of a kind.
func expect(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: want an error that is %q, got %v", what, kind, err)
	}
}

func (r *room) create(t *testing.T, o pool.Order) pool.Origin {
	t.Helper()
	origin, err := r.Backend.Create(bounded(t), o)
	must(t, err)
	return origin
}

func (r *room) start(t *testing.T, o pool.Order) pool.Place {
	t.Helper()
	place, err := r.Backend.Start(bounded(t), o)
	must(t, err)
	return place
}

// list lists what a manager has in the suite's pool.
func (r *room) list(t *testing.T, manager pool.ManagerID) []pool.Seen {
	t.Helper()
	all, err := r.Backend.List(bounded(t), manager)
	must(t, err)
	return slices.DeleteFunc(all, func(seen pool.Seen) bool { return seen.Pool != contract })
}

// status is that of an instance in the listing, "" when it is not there.
func (r *room) status(t *testing.T, o pool.Order) pool.Status {
	t.Helper()
	for _, seen := range r.list(t, o.Manager) {
		if seen.Name == o.Instance {
			return seen.Status
		}
	}
	return ""
}

func (r *room) is(t *testing.T, o pool.Order, want pool.Status) {
	t.Helper()
	if got := r.status(t, o); got != want {
		t.Errorf("%s is listed as %q, want %q", o.Instance, got, want)
	}
}

// empty deletes everything of the suite, with nothing but what a listing says.
func (r *room) empty(t *testing.T) {
	for _, seen := range r.list(t, r.Manager) {
		o := pool.Order{Manager: r.Manager, Instance: seen.Name, Spec: &pool.Spec{Project: seen.Place.Project}}
		if err := r.Backend.Delete(bounded(t), o); err != nil {
			t.Error(err)
		}
	}
	if left := r.list(t, r.Manager); len(left) != 0 {
		t.Errorf("the suite leaves behind: %+v", left)
	}
}

// run runs a command in an instance and returns its output, without the end of line.
func (r *room) run(t *testing.T, o pool.Order, stdin string, args ...string) (status int, output string) {
	t.Helper()
	var out strings.Builder
	command := pool.Command{Args: args, Stdin: strings.NewReader(stdin), Stdout: &out}
	status, err := r.Backend.(pool.Guest).Exec(bounded(t), o, command)
	must(t, err)
	return status, strings.TrimSuffix(out.String(), "\n")
}

// guest runs a part of a test that needs to act inside of instances.
func (r *room) guest(t *testing.T, name string, part func(t *testing.T)) {
	if _, ok := r.Backend.(pool.Guest); ok {
		t.Run(name, part)
	}
}

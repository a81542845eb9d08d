package lxdbackend_test

import (
	"context"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
)

// The images that tests are made with: "make test" provides them.
const (
	busybox = "lxd-pool/busybox"
	debian  = "lxd-pool/debian"
)

// shared is the manager of tests that do not mind the templates of others, so
// that these are built once; and so they have one backend, as a manager does.
var (
	shared  = pool.NewManagerID()
	backend = sync.OnceValues(func() (*lxdbackend.Backend, error) {
		b, err := lxdbackend.Open(context.Background(), lxdbackend.Options{})
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err = b.List(ctx, "nobody")
		return b, err
	})
)

func TestMain(m *testing.M) {
	status := m.Run()
	if b, err := backend(); err == nil {
		for _, err := range sweep(b, shared) {
			log.Print(err)
			status = 1
		}
	}
	os.Exit(status)
}

// open returns a backend for the LXD of this host. Without one the test is
// skipped, or fails where tests are meant to find one.
func open(t testing.TB) *lxdbackend.Backend {
	t.Helper()
	b, err := backend()
	if err != nil {
		if os.Getenv("CI") != "" || os.Getenv("LXD_POOL_TEST_LXD") != "" {
			t.Fatal("there is no LXD to test with: ", err)
		}
		t.Skip("there is no LXD to test with: ", err)
	}
	return b
}

// sweep deletes everything of a manager.
func sweep(b *lxdbackend.Backend, manager pool.ManagerID) (failed []error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	list, err := b.List(ctx, manager)
	if err != nil {
		return []error{err}
	}
	for _, seen := range list {
		o := pool.Order{Manager: manager, Instance: seen.Name, Spec: &pool.Spec{Project: seen.Place.Project}}
		if err := b.Delete(ctx, o); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// room is where one test makes instances.
type room struct {
	testing.TB
	b       *lxdbackend.Backend
	manager pool.ManagerID
	pool    pool.PoolName
}

// enter gives a test what it needs to make instances among those of others.
func enter(t testing.TB) *room {
	t.Helper()
	return &room{TB: t, b: open(t), manager: shared, pool: "lxdbackend"}
}

// alone gives a test a manager of its own.
func alone(t testing.TB) *room {
	t.Helper()
	r := enter(t)
	r.manager = pool.NewManagerID()
	t.Cleanup(func() {
		for _, err := range sweep(r.b, r.manager) {
			t.Error(err)
		}
	})
	return r
}

// order is for a new instance of an image, with the keys of its spec set as
// "key=value". It is deleted at the end of the test.
func (r *room) order(image string, keys ...string) pool.Order {
	r.Helper()
	spec := pool.Spec{Image: image, Size: 1}
	for _, key := range keys {
		name, value, _ := strings.Cut(key, "=")
		if err := spec.Set(name, value); err != nil {
			r.Fatal(err)
		}
	}
	spec = spec.WithDefaults()
	return r.another(pool.Order{Manager: r.manager, Pool: r.pool, Spec: &spec})
}

// another is o for one more instance.
func (r *room) another(o pool.Order) pool.Order {
	o.Instance = pool.InstanceName(string(r.pool) + "-" + string(pool.NewManagerID()))
	r.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := r.b.Delete(ctx, o); err != nil {
			r.Error(err)
		}
	})
	return o
}

func (r *room) create(o pool.Order) pool.Origin {
	r.Helper()
	origin, err := r.b.Create(r.Context(), o)
	r.must(err)
	return origin
}

func (r *room) start(o pool.Order) pool.Place {
	r.Helper()
	place, err := r.b.Start(r.Context(), o)
	r.must(err)
	return place
}

// run runs a shell script in an instance and returns what it printed.
func (r *room) run(o pool.Order, script string) string {
	r.Helper()
	out, status := r.try(o, script)
	if status != 0 {
		r.Fatalf("%s\nended with status %d: %s", script, status, out)
	}
	return out
}

// try is run for a script that may fail.
func (r *room) try(o pool.Order, script string) (output string, status int) {
	r.Helper()
	var out strings.Builder
	status, err := r.b.Exec(r.Context(), o, pool.Command{Args: []string{"sh", "-c", script}, Stdout: &out, Stderr: &out})
	r.must(err)
	return strings.TrimSpace(out.String()), status
}

// seen returns how List sees an instance; its status is "" when it does not.
func (r *room) seen(o pool.Order) pool.Seen {
	r.Helper()
	list, err := r.b.List(r.Context(), o.Manager)
	r.must(err)
	at := slices.IndexFunc(list, func(seen pool.Seen) bool { return seen.Name == o.Instance })
	if at < 0 {
		return pool.Seen{}
	}
	return list[at]
}

// is fails the test unless List sees an instance in a status; "" means not at all.
func (r *room) is(o pool.Order, want pool.Status) {
	r.Helper()
	if seen := r.seen(o); seen.Status != want {
		r.Fatalf("%s is %q, not %q", o.Instance, seen.Status, want)
	}
}

func (r *room) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

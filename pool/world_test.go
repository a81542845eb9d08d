package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// world is a manager on a simulated LXD, in virtual time.
type world struct {
	t     *testing.T
	ctx   context.Context
	lxd   *simbackend.Backend
	store *memstore.Store
	m     *pool.Manager
}

// inWorld runs f in a world of its own, and checks at the end that the contract
// of the backend was kept.
func inWorld(t *testing.T, o simbackend.Options, f func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Images == nil {
			o.Images = map[string]string{"img": "f1"}
		}
		w := &world{t: t, ctx: t.Context(), lxd: simbackend.New(o), store: memstore.New("m1")}
		w.open()
		defer func() {
			w.close()
			for _, v := range w.lxd.Violations() {
				t.Error("the engine broke the backend's contract: ", v)
			}
		}()
		f(w)
	})
}

func (w *world) open() {
	w.t.Helper()
	m, err := pool.NewManager(w.ctx, pool.Options{Backend: w.lxd, Store: w.store, Workers: pool.Workers{Create: 4, Start: 4, Clean: 4}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
}

func (w *world) close() {
	if err := w.m.Close(); err != nil {
		w.t.Error(err)
	}
}

// reopen ends the manager and begins another on the same store and LXD.
func (w *world) reopen() {
	w.t.Helper()
	w.close()
	w.open()
}

// create makes the pool "ci" and waits until it has settled.
func (w *world) create(s pool.Spec) {
	w.t.Helper()
	if s.Image == "" {
		s.Image = "img"
	}
	if _, err := w.m.CreatePool(w.ctx, "ci", s); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// settle lets enough time pass for all work that is due, but for no lease.
func (w *world) settle() {
	time.Sleep(20 * time.Second)
	synctest.Wait()
}

func (w *world) status() *pool.PoolStatus {
	w.t.Helper()
	s, err := w.m.Pool(w.ctx, "ci")
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) acquire(r pool.AcquireRequest) []pool.Grant {
	w.t.Helper()
	grants, err := w.tryAcquire(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return grants
}

func (w *world) tryAcquire(r pool.AcquireRequest) ([]pool.Grant, error) {
	r.Pool = "ci"
	if r.Holder == "" {
		r.Holder = "user:alice"
	}
	return w.m.Acquire(w.ctx, r)
}

func (w *world) release(g pool.Grant) {
	w.t.Helper()
	if _, err := w.m.Release(w.ctx, g.Lease.ID, g.Lease.Holder); err != nil {
		w.t.Fatal(err)
	}
}

// counts fails the test unless the pool has these counts, the rest being zero.
func (w *world) counts(want pool.Counts) {
	w.t.Helper()
	if got := w.status().Counts; got != want {
		w.t.Fatalf("the counts are\n%+v, not\n%+v", got, want)
	}
}

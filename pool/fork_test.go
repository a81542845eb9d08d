package pool_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func (w *world) fork(g pool.Grant, n int) []pool.Grant {
	w.t.Helper()
	forks, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: n})
	if err != nil {
		w.t.Fatal(err)
	}
	return forks
}

// exec runs a command through a lease and returns what it printed.
func (w *world) exec(g pool.Grant, args ...string) string {
	w.t.Helper()
	var out strings.Builder
	status, err := w.m.Exec(w.ctx, g.Lease.ID, pool.Command{Args: args, Stdout: &out})
	if err != nil || status != 0 {
		w.t.Fatalf("%v: status %d, %v", args, status, err)
	}
	return out.String()
}

func TestAForkIsACopyForTheSameHolder(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 9})
		g := w.acquire(pool.AcquireRequest{Purpose: "testing", Env: map[string]string{"A": "1"}})[0]
		w.exec(g, "write", "/here", "mine")
		forks := w.fork(g, 3)
		w.settle()
		w.counts(pool.Counts{Ready: 1, Leased: 4})
		seen := map[pool.InstanceName]bool{g.Lease.Instance: true}
		for _, f := range forks {
			if seen[f.Lease.Instance] || f.Lease.Holder != g.Lease.Holder || f.Lease.Purpose != "testing" || !f.Lease.Opens(f.Token) {
				t.Errorf("%+v", f.Lease)
			}
			seen[f.Lease.Instance] = true
			if got := w.exec(f, "cat", "/here"); got != "mine\n" {
				t.Errorf("%s holds %q", f.Lease.Instance, got)
			}
			if got := w.exec(f, "env"); got != "A=1\n" {
				t.Errorf("its environment is %q", got)
			}
		}
	})
}

func TestAForkIsReplacedAlsoWhereOthersAreReset(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 2, Recycle: pool.ResetToSnapshot})
		g := w.acquire(pool.AcquireRequest{})[0]
		f := w.fork(g, 1)[0]
		w.release(f)
		w.settle()
		if got, err := w.m.Lease(w.ctx, f.Lease.ID); err != nil || got.Instance != nil {
			t.Errorf("the instance is still there: %+v %v", got.Instance, err)
		}
	})
}

func TestIdleInstancesGiveWayToAForkButNobodyWhoWaitsDoes(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 4, Max: 4})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.fork(g, 2)
		w.settle()
		w.counts(pool.Counts{Ready: 1, Leased: 3})
		go w.tryAcquire(pool.AcquireRequest{Count: 2, Wait: pool.WaitForever})
		synctest.Wait()
		_, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 1})
		if !errors.Is(err, pool.ErrExhausted) {
			t.Errorf("a fork took what somebody waits for: %v", err)
		}
	})
}

func TestAForkThatDoesNotFitIsRefusedWhole(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 3})
		g := w.acquire(pool.AcquireRequest{})[0]
		if _, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 3}); !errors.Is(err, pool.ErrExhausted) {
			t.Fatalf("%v", err)
		}
		if _, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 4}); !errors.Is(err, pool.ErrTooMany) {
			t.Fatalf("%v", err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 2, Leased: 1})
	})
}

func TestOneCopyThatFailsGivesTheWholeForkUp(t *testing.T) {
	inWorld(t, simbackend.Options{Capacity: 4}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 9})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.settle()
		if _, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 3}); !errors.Is(err, pool.ErrFailed) {
			t.Fatalf("%v", err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1, Leased: 1})
	})
}

func TestWhoLeavesGetsNoFork(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		ctx, cancel := context.WithTimeout(w.ctx, 200*time.Millisecond)
		defer cancel()
		if _, err := w.m.Fork(ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 2}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1, Leased: 1})
	})
}

func TestAForkEndsWithTheLeaseThatItCopies(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		time.AfterFunc(200*time.Millisecond, func() { w.m.Revoke(w.ctx, g.Lease.ID, "root", "enough") })
		if _, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 2}); !errors.Is(err, pool.ErrLeaseEnded) {
			t.Fatalf("%v", err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestAForkThatARestartInterruptedLeavesNothing(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		for _, after := range []time.Duration{50, 200, 400} {
			go w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 2})
			time.Sleep(after * time.Millisecond)
			w.reopen()
			w.settle()
			w.counts(pool.Counts{Ready: 1, Leased: 1})
		}
	})
}

func TestARepeatedForkIsTheSameFork(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		r := pool.ForkRequest{Lease: g.Lease.ID, Count: 2, Request: "again"}
		first, err := w.m.Fork(w.ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		second, err := w.m.Fork(w.ctx, r)
		if err != nil || len(second) != 2 || second[0].Lease.ID != first[0].Lease.ID {
			t.Fatalf("%v %v", second, err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1, Leased: 3})
	})
}

package pool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestAPoolFillsItselfToItsSizeAndSpares(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 3, Spares: 2})
		w.counts(pool.Counts{Ready: 3, Spare: 2})
	})
}

func TestALeasedInstanceIsReplacedOnTopOfTheSize(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.settle()
		w.counts(pool.Counts{Ready: 2, Leased: 1})
		w.release(g)
		w.settle()
		w.counts(pool.Counts{Ready: 2})
	})
}

func TestAResetInstanceComesBackWithAHigherFence(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1, Recycle: pool.ResetToSnapshot})
		first := w.acquire(pool.AcquireRequest{})[0]
		w.release(first)
		second := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
		if second.Lease.Instance != first.Lease.Instance || second.Lease.Fence != first.Lease.Fence+1 {
			t.Fatalf("got %+v after %+v", second.Lease, first.Lease)
		}
	})
}

func TestAReplacedInstanceNeverComesBack(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		first := w.acquire(pool.AcquireRequest{})[0]
		w.release(first)
		second := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
		if second.Lease.Instance == first.Lease.Instance {
			t.Fatalf("%s was used twice", first.Lease.Instance)
		}
	})
}

func TestARenewalInTheLastMomentHoldsOrIsRefused(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 2})
		for range 200 {
			g := w.acquire(pool.AcquireRequest{TTL: pool.Duration(time.Minute), Wait: pool.WaitForever})[0]
			time.Sleep(time.Until(g.Lease.Expires))
			renewed, err := w.m.Renew(w.ctx, g.Lease.ID, pool.Duration(time.Minute))
			if errors.Is(err, pool.ErrLeaseEnded) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			now, err := w.m.Lease(w.ctx, g.Lease.ID)
			if err != nil || now.Lease.Ended != nil {
				t.Fatalf("it lasts until %s by the answer, and ended: %+v %v", renewed.Lease.Expires, now.Lease.Ended, err)
			}
			w.release(g)
		}
	})
}

func TestALeaseExpiresNeverEarly(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		g := w.acquire(pool.AcquireRequest{TTL: pool.Duration(time.Minute)})[0]
		time.Sleep(time.Minute - time.Nanosecond)
		if got, err := w.m.Lease(w.ctx, g.Lease.ID); err != nil || got.Lease.Ended != nil {
			t.Fatalf("the lease ended early: %+v, %v", got.Lease, err)
		}
		w.settle()
		got, err := w.m.Lease(w.ctx, g.Lease.ID)
		if err != nil || got.Lease.Ended == nil || got.Lease.Ended.Cause != pool.Expired {
			t.Fatalf("the lease did not expire: %+v, %v", got.Lease, err)
		}
		if _, err := w.m.Renew(w.ctx, g.Lease.ID, 0); !errors.Is(err, pool.ErrLeaseEnded) {
			t.Fatalf("renewing an expired lease: %v", err)
		}
	})
}

func TestARestartDoesNotShortenALease(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		g := w.acquire(pool.AcquireRequest{TTL: pool.Duration(time.Minute)})[0]
		time.Sleep(30 * time.Second)
		w.close()
		time.Sleep(time.Hour)
		w.open()
		time.Sleep(30*time.Second - time.Nanosecond)
		if got, _ := w.m.Lease(w.ctx, g.Lease.ID); got.Lease.Ended != nil {
			t.Fatal("the lease ended before its holder could use all of it")
		}
		w.settle()
		if got, _ := w.m.Lease(w.ctx, g.Lease.ID); got.Lease.Ended == nil {
			t.Fatal("the lease did not expire after the restart")
		}
	})
}

func TestARepeatedRequestGetsTheSameLease(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2})
		a := w.acquire(pool.AcquireRequest{Request: "r1"})[0]
		w.reopen()
		b := w.acquire(pool.AcquireRequest{Request: "r1"})[0]
		if a.Lease.ID != b.Lease.ID {
			t.Fatalf("got %s and then %s", a.Lease.ID, b.Lease.ID)
		}
		if !b.Lease.Opens(a.Token) || !b.Lease.Opens(b.Token) || a.Token == b.Token {
			t.Fatal("both tokens should open the lease")
		}
		if _, err := w.tryAcquire(pool.AcquireRequest{Request: "r1", Holder: "user:bob"}); err != nil {
			t.Fatal("another holder's request of the same id is another request: ", err)
		}
	})
}

func TestARequestThatDoesNotWaitHasTheMissingInstanceBuilt(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 0, Max: 1})
		if _, err := w.tryAcquire(pool.AcquireRequest{}); !errors.Is(err, pool.ErrExhausted) {
			t.Fatalf("got %v", err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 1})
		w.acquire(pool.AcquireRequest{})
	})
}

func TestAFrozenPoolIsWokenAtGrant(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Standby: pool.StandbyFrozen})
		g := w.acquire(pool.AcquireRequest{Count: 2})
		for _, each := range g {
			if code, err := w.m.Exec(w.ctx, each.Lease.ID, pool.Command{Args: []string{"true"}}); code != 0 || err != nil {
				t.Fatal(code, err)
			}
		}
	})
}

func TestDeletingAPoolLeavesNothing(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 3, Spares: 1})
		w.acquire(pool.AcquireRequest{})
		if err := w.m.DeletePool(w.ctx, "ci", false, "root"); !errors.Is(err, pool.ErrLeased) {
			t.Fatalf("got %v", err)
		}
		if err := w.m.DeletePool(w.ctx, "ci", true, "root"); err != nil {
			t.Fatal(err)
		}
		if left := w.lxd.Instances(); len(left) > 0 {
			t.Fatalf("left: %+v", left)
		}
		if _, err := w.m.Pool(w.ctx, "ci"); !errors.Is(err, pool.ErrNoPool) {
			t.Fatalf("got %v", err)
		}
	})
}

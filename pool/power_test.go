package pool_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// statusOf is what an instance does in the simulated LXD.
func (w *world) statusOf(name pool.InstanceName) pool.Status {
	for _, in := range w.lxd.Instances() {
		if in.Name == name {
			return in.Status
		}
	}
	return ""
}

func (w *world) power(g pool.Grant, action pool.PowerAction) pool.Grant {
	w.t.Helper()
	after, err := w.m.Power(w.ctx, g.Lease.ID, pool.PowerRequest{Action: action})
	if err != nil {
		w.t.Fatal(err)
	}
	return after
}

// lasts fails the test unless a lease goes on and its instance does what it did.
func (w *world) lasts(g pool.Grant, want pool.Status) {
	w.t.Helper()
	now, err := w.m.Lease(w.ctx, g.Lease.ID)
	if err != nil || now.Lease.Ended != nil {
		w.t.Fatalf("the lease is %+v, %v", now.Lease, err)
	}
	if got := w.statusOf(g.Lease.Instance); got != want {
		w.t.Fatalf("the instance is %q, not %q", got, want)
	}
}

// Whatever the pool is like, its sweeps, a restart of the daemon and the end of
// the lease take a stopped or paused instance as what it is.
func TestAHolderCanStopAndPauseItsInstanceWithoutLosingIt(t *testing.T) {
	for _, recycle := range []pool.Recycle{pool.Replace, pool.ResetToSnapshot} {
		for _, standby := range []pool.Standby{pool.StandbyRunning, pool.StandbyFrozen} {
			for action, want := range map[pool.PowerAction]pool.Status{pool.PowerStop: pool.Stopped, pool.PowerPause: pool.Frozen} {
				t.Run(fmt.Sprintf("%s/%s/%s", recycle, standby, action), func(t *testing.T) {
					inWorld(t, simbackend.Options{}, func(w *world) {
						w.create(pool.Spec{Size: 1, Max: 2, Recycle: recycle, Standby: standby})
						g := w.acquire(pool.AcquireRequest{})[0]
						w.settle()
						w.power(g, action)
						time.Sleep(10 * time.Minute)
						w.lasts(g, want)
						w.reopen()
						time.Sleep(10 * time.Minute)
						w.lasts(g, want)
						w.counts(pool.Counts{Ready: 1, Leased: 1})
						w.release(g)
						w.settle()
						w.counts(pool.Counts{Ready: 1})
						w.acquire(pool.AcquireRequest{})
					})
				})
			}
		}
	}
}

func TestAfterAStartTheLeaseHasTheAddressesOfNow(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		was := g.Instance.Place.Addresses
		if off := w.power(g, pool.PowerStop); len(off.Instance.Place.Addresses) != 0 {
			t.Errorf("stopped, it has %v", off.Instance.Place.Addresses)
		}
		w.reopen()
		now, err := w.m.Lease(w.ctx, g.Lease.ID)
		if err != nil || len(now.Instance.Place.Addresses) != 0 {
			t.Errorf("stopped, the lease has %v, %v", now.Instance.Place.Addresses, err)
		}
		on := w.power(g, pool.PowerStart)
		now, err = w.m.Lease(w.ctx, g.Lease.ID)
		if err != nil || len(was) == 0 || fmt.Sprint(on.Instance.Place, now.Instance.Place) != fmt.Sprint(g.Instance.Place, g.Instance.Place) {
			t.Errorf("started, it is at %v and the lease has %v, %v", on.Instance.Place, now.Instance.Place, err)
		}
	})
}

func TestAnInstanceThatIsStartedButNotUsableIsAnErrorAndRuns(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{TTL: pool.Duration(5 * time.Hour)})[0]
		w.lxd.Sicken(g.Lease.Instance)
		w.power(g, pool.PowerStop)
		if _, err := w.m.Power(w.ctx, g.Lease.ID, pool.PowerRequest{Action: pool.PowerStart}); !errors.Is(err, pool.ErrFailed) {
			t.Fatal(err)
		}
		w.lasts(g, pool.Running)
		if now, _ := w.m.Lease(w.ctx, g.Lease.ID); len(now.Instance.Place.Addresses) == 0 {
			t.Error("its addresses are not known, although it runs")
		}
	})
}

func TestWhatNeedsAnInstanceThatRunsSaysHowToStartIt(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		next := fmt.Sprintf("start it with \"lxd-pool start %s\"", g.Lease.ID)
		for _, action := range []pool.PowerAction{pool.PowerPause, pool.PowerStop} {
			w.power(g, action)
			if _, err := w.m.Exec(w.ctx, g.Lease.ID, pool.Command{Args: []string{"true"}}); !errors.Is(err, pool.ErrNotRunning) || !strings.HasSuffix(err.Error(), next) {
				t.Errorf("exec after %s: %v", action, err)
			}
		}
		for _, action := range []pool.PowerAction{pool.PowerPause, pool.PowerResume} {
			if _, err := w.m.Power(w.ctx, g.Lease.ID, pool.PowerRequest{Action: action}); !errors.Is(err, pool.ErrNotRunning) || !strings.HasSuffix(err.Error(), next) {
				t.Errorf("%s of one that is stopped: %v", action, err)
			}
		}
		w.lasts(g, pool.Stopped)
	})
}

func TestAPowerRequestThatCannotBeIsRefused(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		for _, r := range []pool.PowerRequest{
			{}, {Action: "explode"}, {Action: pool.PowerStart, Force: true}, {Action: pool.PowerPause, Timeout: pool.Duration(time.Minute)},
			{Action: pool.PowerStop, Timeout: pool.Duration(time.Hour)}, {Action: pool.PowerStop, Timeout: -1},
			{Action: pool.PowerStop, Timeout: pool.Duration(time.Millisecond)},
			{Action: pool.PowerRestart, Force: true, Timeout: pool.Duration(time.Minute)},
		} {
			if _, err := w.m.Power(w.ctx, g.Lease.ID, r); !errors.Is(err, pool.ErrInvalid) {
				t.Errorf("%+v: %v", r, err)
			}
		}
		w.lasts(g, pool.Running)
	})
}

// The simulated LXD accuses two calls that are at one instance at once.
func TestThoseWhoChangeAnInstanceDoSoOneAfterTheOther(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, MaxSnapshots: 5})
		g := w.acquire(pool.AcquireRequest{})[0]
		var all sync.WaitGroup
		for _, action := range []pool.PowerAction{pool.PowerRestart, pool.PowerStart, pool.PowerStop, pool.PowerStart, pool.PowerRestart} {
			all.Go(func() { w.power(g, action) })
		}
		var refused atomic.Int32
		for range 7 {
			all.Go(func() {
				if _, err := w.m.CreateSnapshot(w.ctx, g.Lease.ID, ""); errors.Is(err, pool.ErrLimit) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		list, err := w.m.Snapshots(w.ctx, g.Lease.ID)
		if err != nil || len(list) != 5 || refused.Load() != 2 {
			t.Fatalf("there are %v, %v, and %d were refused", list, err, refused.Load())
		}
		for i, s := range list {
			if s.Name != pool.SnapshotName(fmt.Sprintf("snap%d", i)) {
				t.Errorf("snapshot %d is called %s", i, s.Name)
			}
		}
	})
}

// What LXD has begun it does not stop. So the end of a lease waits for it, and
// the next holder gets nothing of it.
func TestAnInstanceIsNotCleanedWhileItIsPutBackToASnapshot(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1, Recycle: pool.ResetToSnapshot})
		g := w.acquire(pool.AcquireRequest{})[0]
		if _, err := w.m.CreateSnapshot(w.ctx, g.Lease.ID, "mine"); err != nil {
			t.Fatal(err)
		}
		w.lxd.SetLatency(simbackend.Restore, simbackend.Latency{Min: 40 * time.Second, Max: 40 * time.Second})
		restored := make(chan error, 1)
		go func() {
			_, err := w.m.RestoreSnapshot(w.ctx, g.Lease.ID, "mine")
			restored <- err
		}()
		time.Sleep(time.Second)
		w.release(g)
		if err := <-restored; !errors.Is(err, pool.ErrLeaseEnded) {
			t.Fatal(err)
		}
		w.settle()
		next := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
		if next.Lease.Instance != g.Lease.Instance {
			t.Errorf("%s was not reset: %v", g.Lease.Instance, w.lxd.History(g.Lease.Instance))
		}
		if list, err := w.m.Snapshots(w.ctx, next.Lease.ID); err != nil || len(list) != 0 {
			t.Errorf("the next holder has %v, %v", list, err)
		}
	})
}

func TestASnapshotNobodyWaitsForIsNotKept(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
		defer cancel()
		if _, err := w.m.CreateSnapshot(ctx, g.Lease.ID, "late"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if list, err := w.m.Snapshots(w.ctx, g.Lease.ID); err != nil || len(list) != 0 {
			t.Errorf("there are %v, %v", list, err)
		}
	})
}

// A grant of a frozen instance is answered when the journal says that it woke.
// If that cannot be written, it is woken once more, and the grant is answered.
func TestAGrantOutlivesAJournalThatFailsWhenItsInstanceWakes(t *testing.T) {
	for _, fault := range []memstore.Fault{memstore.FailBefore, memstore.FailAfter} {
		inWorld(t, simbackend.Options{}, func(w *world) {
			w.create(pool.Spec{Size: 1, Standby: pool.StandbyFrozen})
			failed := 0
			w.store.OnCommit(func(_ pool.PoolName, b *pool.Batch) memstore.Fault {
				for _, in := range b.Instances {
					if in != nil && in.State == pool.Leased && in.Standby == pool.StandbyRunning && failed == 0 {
						failed++
						return fault
					}
				}
				return memstore.NoFault
			})
			g := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
			if failed != 1 {
				t.Error("the journal did not fail")
			}
			w.lasts(g, pool.Running)
			w.settle()
			w.power(g, pool.PowerPause)
			w.reopen()
			w.settle()
			w.lasts(g, pool.Frozen)
		})
	}
}

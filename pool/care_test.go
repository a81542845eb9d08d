package pool_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestFailingCreationPausesStatesTheCauseAndResumesByItself(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 10})
		w.lxd.SetFault(simbackend.Start, simbackend.Fault{Fail: 1, Text: "no space left on device"})
		w.acquire(pool.AcquireRequest{TTL: pool.Duration(5 * time.Hour)})
		w.acquire(pool.AcquireRequest{TTL: pool.Duration(5 * time.Hour)}) // what is ready is still served
		time.Sleep(time.Hour)
		tried := 0
		for _, e := range w.lxd.History("") {
			if e.Verb == simbackend.Start && strings.Contains(e.What, "no space") {
				tried++
			}
		}
		if tried < 10 || tried > 60 {
			t.Errorf("%d tries in an hour", tried)
		}
		s := w.status()
		if len(s.Problems) != 1 || s.Problems[0].Code != "creation-failing" || !strings.Contains(s.Problems[0].Text, "no space left") {
			t.Fatalf("problems: %+v", s.Problems)
		}
		why, err := w.m.Why(w.ctx, "ci")
		if err != nil || !strings.Contains(why[0].Summary, "no space left") {
			t.Fatalf("why: %+v, %v", why, err)
		}
		w.lxd.SetFault(simbackend.Start, simbackend.Fault{})
		time.Sleep(5 * time.Minute)
		w.counts(pool.Counts{Ready: 2, Leased: 2})
		if s := w.status(); len(s.Problems) > 0 {
			t.Fatalf("problems: %+v", s.Problems)
		}
	})
}

func TestANewImageRollsTheIdleOnesAFewAtATime(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 6, Spares: 2, Max: 30})
		leased := w.acquire(pool.AcquireRequest{})[0]
		w.settle()
		w.lxd.SetImage("img", "f2")
		for range 600 {
			time.Sleep(500 * time.Millisecond)
			if ready := w.status().Counts.Ready; ready < 6 {
				t.Fatalf("only %d are ready while the others roll", ready)
			}
		}
		w.counts(pool.Counts{Ready: 6, Spare: 2, Leased: 1})
		all, err := w.m.Instances(w.ctx, "ci")
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range all {
			if old := in.Origin != w.originOf("f2"); old != (in.Name == leased.Lease.Instance) {
				t.Errorf("%s was made from %s", in.Name, in.Origin)
			}
		}
	})
}

// originOf returns the origin that the world makes instances from when the
// image is at that fingerprint.
func (w *world) originOf(fingerprint string) pool.Origin {
	w.t.Helper()
	spec := w.status().Spec.WithDefaults()
	w.lxd.SetImage("img", fingerprint)
	origin, err := w.lxd.Resolve(w.ctx, pool.Order{Manager: "m1", Pool: "ci", Spec: &spec})
	if err != nil {
		w.t.Fatal(err)
	}
	return origin
}

func TestABrokenNewImageCostsNothing(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 3, Max: 20})
		w.lxd.SetFault(simbackend.Template, simbackend.Fault{Fail: 1, Text: "it does not boot"})
		w.lxd.SetImage("img", "f2")
		time.Sleep(30 * time.Minute)
		s := w.status()
		if s.Counts.Ready != 3 || s.Counts.Outdated != 3 || len(s.Problems) == 0 {
			t.Fatalf("%+v", s)
		}
		w.acquire(pool.AcquireRequest{Count: 3})
	})
}

func TestATaggedInstanceNobodyRemembersIsDeletedAfterTwoSightings(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		w.lxd.AddTagged("ci-zzzz-1", "m1", "ci")
		w.lxd.AddTagged("old-zzzz-1", "m1", "old")
		w.lxd.AddTagged("theirs-1", "m2", "ci")
		w.lxd.AddUntagged("precious")
		time.Sleep(3 * time.Minute)
		left := map[pool.InstanceName]bool{}
		for _, in := range w.lxd.Instances() {
			left[in.Name] = true
		}
		for name, want := range map[pool.InstanceName]bool{"ci-zzzz-1": false, "old-zzzz-1": false, "theirs-1": true, "precious": true} {
			if left[name] != want {
				t.Errorf("%s is there: %v", name, left[name])
			}
		}
	})
}

func TestAnIdleInstanceThatStopsVanishesOrFailsItsCheckIsReplaced(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 3})
		all, err := w.m.Instances(w.ctx, "ci")
		if err != nil {
			t.Fatal(err)
		}
		w.lxd.Stop(all[0].Name)
		w.lxd.Remove(all[1].Name)
		w.lxd.Sicken(all[2].Name)
		time.Sleep(10 * time.Minute)
		w.counts(pool.Counts{Ready: 3})
		for _, in := range all {
			if _, err := w.m.Why(w.ctx, string(in.Name)); !errors.Is(err, pool.ErrNoInstance) {
				t.Errorf("%s is still there: %v", in.Name, err)
			}
		}
	})
}

func TestAVanishedInstanceEndsItsLeaseWithTheCause(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.lxd.Remove(g.Lease.Instance)
		time.Sleep(3 * time.Minute)
		got, err := w.m.Lease(w.ctx, g.Lease.ID)
		if err != nil || got.Lease.Ended == nil || got.Lease.Ended.Cause != pool.Vanished {
			t.Fatalf("%+v, %v", got.Lease, err)
		}
	})
}

func TestAHolderMayStopItsOwnInstance(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.lxd.Stop(g.Lease.Instance)
		time.Sleep(10 * time.Minute)
		if got, err := w.m.Lease(w.ctx, g.Lease.ID); err != nil || got.Lease.Ended != nil {
			t.Fatalf("%+v, %v", got.Lease, err)
		}
	})
}

func TestWhileLXDIsAwayLeasesStayAndWhatWasHealthyIsGranted(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 3})
		held := w.acquire(pool.AcquireRequest{})[0]
		w.settle()
		w.lxd.SetAway(true)
		time.Sleep(5 * time.Minute)
		if s := w.status(); len(s.Problems) != 1 || s.Problems[0].Code != "lxd-away" {
			t.Fatalf("problems: %+v", s.Problems)
		}
		w.acquire(pool.AcquireRequest{})
		if _, err := w.m.Renew(w.ctx, held.Lease.ID, 0); err != nil {
			t.Fatal(err)
		}
		w.release(held)
		time.Sleep(10 * time.Minute)
		if _, err := w.tryAcquire(pool.AcquireRequest{}); !errors.Is(err, pool.ErrExhausted) {
			t.Fatalf("nobody has seen these for a quarter of an hour: %v", err)
		}
		w.lxd.SetAway(false)
		time.Sleep(2 * time.Minute)
		w.counts(pool.Counts{Ready: 3, Leased: 1})
		if s := w.status(); len(s.Problems) > 0 {
			t.Fatalf("problems: %+v", s.Problems)
		}
	})
}

func TestAFullDiskLosesNoLeaseAndIsSaid(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 4})
		held := w.acquire(pool.AcquireRequest{})[0]
		var full atomic.Bool
		full.Store(true)
		w.store.OnCommit(func(pool.PoolName, *pool.Batch) memstore.Fault {
			if full.Load() {
				return memstore.FailBefore
			}
			return memstore.NoFault
		})
		if _, err := w.m.Renew(w.ctx, held.Lease.ID, 0); !errors.Is(err, pool.ErrUnavailable) {
			t.Fatalf("renew: %v", err)
		}
		if _, err := w.tryAcquire(pool.AcquireRequest{Wait: pool.Duration(time.Second)}); !errors.Is(err, pool.ErrExhausted) || !strings.Contains(err.Error(), "journal") {
			t.Fatalf("acquire: %v", err)
		}
		if s := w.status(); len(s.Problems) == 0 || s.Problems[0].Code != "journal" {
			t.Fatalf("problems: %+v", s.Problems)
		}
		done := make(chan error)
		go func() {
			_, err := w.tryAcquire(pool.AcquireRequest{Wait: pool.WaitForever})
			done <- err
		}()
		time.Sleep(time.Minute)
		full.Store(false)
		if err := <-done; err != nil {
			t.Fatalf("the waiter was not served when there was room again: %v", err)
		}
		if got, err := w.m.Lease(w.ctx, held.Lease.ID); err != nil || got.Lease.Ended != nil {
			t.Fatalf("%+v, %v", got.Lease, err)
		}
	})
}

func TestWornAgedAndOldInstancesAreReplaced(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1, Recycle: pool.ResetToSnapshot, MaxUses: 2, MaxAge: pool.Duration(time.Hour)})
		seen := map[pool.InstanceName]int{}
		for range 4 {
			g := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
			seen[g.Lease.Instance]++
			w.release(g)
		}
		for name, uses := range seen {
			if uses != 2 {
				t.Errorf("%s was leased %d times with max-uses=2", name, uses)
			}
		}
		w.settle()
		before, _ := w.m.Instances(w.ctx, "ci")
		time.Sleep(61 * time.Minute)
		after, _ := w.m.Instances(w.ctx, "ci")
		if len(after) != 1 || after[0].Name == before[0].Name {
			t.Fatalf("an hour later: %+v", after[0])
		}
	})
}

func TestAHeldInstanceIsKeptAfterItsLeaseUntilTheHoldEnds(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 4, MaxHolds: 1})
		g, other := w.acquire(pool.AcquireRequest{})[0], w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
		hold := pool.Hold{Until: time.Now().Add(2 * time.Hour), Reason: "it crashed", By: "root"}
		if _, err := w.m.Hold(w.ctx, g.Lease.ID, hold); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Hold(w.ctx, other.Lease.ID, hold); !errors.Is(err, pool.ErrHoldLimit) {
			t.Fatal(err)
		}
		w.release(g)
		time.Sleep(time.Hour)
		w.reopen()
		time.Sleep(time.Hour - time.Minute)
		w.counts(pool.Counts{Ready: 1, Deleting: 1, Held: 1})
		time.Sleep(2 * time.Minute)
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestARevokedLeaseSaysWhoAndWhyForADay(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		g := w.acquire(pool.AcquireRequest{})[0]
		if _, err := w.m.Revoke(w.ctx, g.Lease.ID, "root", "maintenance"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Release(w.ctx, g.Lease.ID, "user:alice"); !errors.Is(err, pool.ErrLeaseEnded) || !strings.Contains(err.Error(), "maintenance") {
			t.Fatal(err)
		}
		time.Sleep(23 * time.Hour)
		w.reopen()
		if got, err := w.m.Lease(w.ctx, g.Lease.ID); err != nil || got.Lease.Ended.Reason != "maintenance" {
			t.Fatalf("%+v, %v", got.Lease, err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := w.m.Lease(w.ctx, g.Lease.ID); !errors.Is(err, pool.ErrNoLease) {
			t.Fatal(err)
		}
	})
}

func TestRenewCountsFromNowAndIsCapped(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, TTL: pool.Duration(time.Hour), MaxTTL: pool.Duration(2 * time.Hour)})
		g := w.acquire(pool.AcquireRequest{})[0]
		time.Sleep(30 * time.Minute)
		renewed, err := w.m.Renew(w.ctx, g.Lease.ID, pool.Duration(10*time.Minute))
		if err != nil || !renewed.Lease.Expires.Equal(time.Now().Add(10*time.Minute)) {
			t.Fatalf("expires %s at %s, %v", renewed.Lease.Expires, time.Now(), err)
		}
		renewed, err = w.m.Renew(w.ctx, g.Lease.ID, pool.Duration(8*time.Hour))
		if err != nil || !renewed.Lease.Expires.Equal(g.Lease.Created.Add(2*time.Hour)) {
			t.Fatalf("expires %s for a grant at %s, %v", renewed.Lease.Expires, g.Lease.Created, err)
		}
	})
}

func TestADisabledPoolRefusesAlsoThoseWhoWait(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		w.acquire(pool.AcquireRequest{})
		done := make(chan error)
		go func() {
			_, err := w.tryAcquire(pool.AcquireRequest{Wait: pool.WaitForever, Holder: "user:bob"})
			done <- err
		}()
		synctest.Wait()
		if err := w.m.DisablePool(w.ctx, "ci"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, pool.ErrDisabled) {
			t.Fatal(err)
		}
		if err := w.m.EnablePool(w.ctx, "ci"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestChangingTheSizeNeedsNoNewInstancesButChangingTheImageDoes(t *testing.T) {
	inWorld(t, simbackend.Options{Images: map[string]string{"img": "f1", "other": "g1"}}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 10})
		set := func(key, value string) error {
			_, err := w.m.EditPool(w.ctx, "ci", func(s *pool.Spec) error { return s.Set(key, value) })
			return err
		}
		if err := set("size", "4"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 4})
		if err := set("size", "11"); !errors.Is(err, pool.ErrInvalid) {
			t.Fatalf("size above max: %v", err)
		}
		if err := set("image", "nonesuch"); !errors.Is(err, pool.ErrRejected) {
			t.Fatalf("unknown image: %v", err)
		}
		if err := set("image", "other"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		w.counts(pool.Counts{Ready: 4})
		all, _ := w.m.Instances(w.ctx, "ci")
		spec := w.status().Spec.WithDefaults()
		for _, in := range all {
			if in.Spec != spec.Making() {
				t.Errorf("%s is outdated", in.Name)
			}
		}
		if err := set("size", "0"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.counts(pool.Counts{})
	})
}

func TestResettingAPoolReplacesTheIdleNowAndTheLeasedLater(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 10, Recycle: pool.ResetToSnapshot})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.settle()
		before := map[pool.InstanceName]bool{}
		all, _ := w.m.Instances(w.ctx, "ci")
		for _, in := range all {
			before[in.Name] = true
		}
		if err := w.m.ResetPool(w.ctx, "ci"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.release(g)
		w.settle()
		w.counts(pool.Counts{Ready: 2})
		all, _ = w.m.Instances(w.ctx, "ci")
		for _, in := range all {
			if before[in.Name] {
				t.Errorf("%s is from before", in.Name)
			}
		}
	})
}

// untilLate waits until a problem of the pool is there whose next attempt is far away.
func (w *world) untilLate(code string) {
	w.t.Helper()
	for range 3600 {
		time.Sleep(time.Second)
		for _, p := range w.status().Problems {
			if p.Code == code && time.Until(p.Next) > time.Minute {
				return
			}
		}
	}
	w.t.Fatalf("there is no problem %s, but %+v", code, w.status().Problems)
}

func TestARefillTriesAgainAtOnceWhatHasFailed(t *testing.T) {
	for _, c := range []struct {
		verb    simbackend.Verb
		problem string
	}{{simbackend.Start, "creation-failing"}, {simbackend.Create, "creation-failing"}, {simbackend.Delete, "wedged"}} {
		t.Run(string(c.verb), func(t *testing.T) {
			inWorld(t, simbackend.Options{}, func(w *world) {
				w.create(pool.Spec{Size: 2, Max: 4})
				w.lxd.SetFault(c.verb, simbackend.Fault{Fail: 1})
				w.release(w.acquire(pool.AcquireRequest{})[0])
				w.untilLate(c.problem)
				w.lxd.SetFault(c.verb, simbackend.Fault{})
				if err := w.m.RefillPool(w.ctx, "ci"); err != nil {
					t.Fatal(err)
				}
				w.settle()
				w.counts(pool.Counts{Ready: 2})
				if got := w.status().Problems; len(got) != 0 {
					t.Errorf("after it there are %+v", got)
				}
			})
		})
	}
}

func TestARefillThatIsInVainBacksOffAsBefore(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.lxd.SetFault(simbackend.Start, simbackend.Fault{Fail: 1})
		w.create(pool.Spec{Size: 1})
		w.untilLate("creation-failing")
		if err := w.m.RefillPool(w.ctx, "ci"); err != nil {
			t.Fatal(err)
		}
		w.untilLate("creation-failing")
	})
}

func TestAPoolThatIsBeingDeletedIsNotRefilled(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		w.lxd.SetFault(simbackend.Delete, simbackend.Fault{Fail: 1})
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		defer cancel()
		if err := w.m.DeletePool(ctx, "ci", false, "root"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := w.m.RefillPool(w.ctx, "ci"); !errors.Is(err, pool.ErrDoomed) {
			t.Errorf("got %v", err)
		}
		w.lxd.SetFault(simbackend.Delete, simbackend.Fault{})
	})
}

func TestARestartWhileLXDIsAwayKeepsLeasesOnFrozenInstances(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Standby: pool.StandbyFrozen})
		g := w.acquire(pool.AcquireRequest{Request: "r"})[0]
		w.close()
		w.lxd.SetAway(true)
		w.open()
		time.Sleep(5 * time.Minute)
		if got, err := w.m.Lease(w.ctx, g.Lease.ID); err != nil || got.Lease.Ended != nil {
			t.Fatalf("%+v, %v", got.Lease, err)
		}
		if _, err := w.tryAcquire(pool.AcquireRequest{}); !errors.Is(err, pool.ErrExhausted) {
			t.Fatal(err)
		}
		w.lxd.SetAway(false)
		again := w.acquire(pool.AcquireRequest{Request: "r", Wait: pool.WaitForever})[0]
		if again.Lease.ID != g.Lease.ID {
			t.Fatalf("got %s, not %s", again.Lease.ID, g.Lease.ID)
		}
	})
}

func TestAProbeThatHangsCostsOneInstanceAndNotThePool(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2})
		w.lxd.SetLatency(simbackend.Check, simbackend.Latency{Min: time.Hour, Max: time.Hour})
		time.Sleep(5 * time.Minute)
		w.lxd.SetLatency(simbackend.Check, simbackend.Latency{})
		time.Sleep(2 * time.Minute)
		w.counts(pool.Counts{Ready: 2})
		if s := w.status(); len(s.Problems) > 0 {
			t.Fatalf("problems: %+v", s.Problems)
		}
	})
}

func TestAnInstanceOnAMemberThatIsAwayIsNeitherLostNorDeleted(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 3})
		g := w.acquire(pool.AcquireRequest{})[0]
		w.settle()
		idle, _ := w.m.Instances(w.ctx, "ci")
		w.lxd.AddTagged("ci-zzzz-9", "m1", "ci")
		w.lxd.AddTagged("old-zzzz-9", "m1", "old")
		for _, name := range []pool.InstanceName{g.Lease.Instance, idle[1].Name, "ci-zzzz-9", "old-zzzz-9"} {
			if !w.lxd.Strand(name) {
				t.Fatal(name)
			}
		}
		time.Sleep(5 * time.Minute)
		if got, err := w.m.Lease(w.ctx, g.Lease.ID); err != nil || got.Lease.Ended != nil {
			t.Fatalf("%+v, %v", got.Lease, err)
		}
		if n := len(w.lxd.Instances()); n < 4 {
			t.Errorf("only %d instances are left", n)
		}
		w.lxd.Stop("ci-zzzz-9")
		w.lxd.Stop("old-zzzz-9")
	})
}

func TestTheTimeThatAnInstanceWasHeldIsNotTimeToCleanIt(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 3})
		g := w.acquire(pool.AcquireRequest{})[0]
		h := pool.Hold{Until: time.Now().Add(2 * time.Hour), Reason: "a look", By: "root"}
		if _, err := w.m.Hold(w.ctx, g.Lease.ID, h); err != nil {
			t.Fatal(err)
		}
		w.release(g)
		time.Sleep(time.Hour)
		w.reopen()
		time.Sleep(time.Hour)
		w.settle()
		stats, err := w.m.Stats(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		took := stats["ci"].ToRecycle
		n := uint64(0)
		for _, more := range took.Counts {
			n += more
		}
		if n != 1 || took.Sum > 60 {
			t.Errorf("%d were cleaned, in %.0f s", n, took.Sum)
		}
	})
}

func TestAGrantDoesNotWaitForALookAtItsInstance(t *testing.T) {
	inWorld(t, simbackend.Options{Latency: map[simbackend.Verb]simbackend.Latency{
		simbackend.Check: {Min: 20 * time.Second, Max: 20 * time.Second},
	}}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1, Standby: pool.StandbyFrozen})
		for i := range 30 { // some of them come while a look is under way
			time.Sleep(2*time.Minute + time.Duration(i)*2*time.Second)
			began := time.Now()
			g := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
			if waited := time.Since(began); waited > time.Second {
				t.Errorf("grant %d waited %s", i, waited)
			}
			w.settle()
			w.release(g)
			w.settle()
		}
		stats, err := w.m.Stats(w.ctx)
		if err != nil || stats["ci"].Ended[pool.Released] != 30 || len(stats["ci"].Failures) > 0 {
			t.Errorf("the figures are %+v, %v", stats["ci"], err)
		}
	})
}

package pooltest

import (
	"bytes"
	"errors"
	"strings"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var leaseCases = []testCase{
	{"RenewCountsFromNowAndIsCapped", func(b *bench) {
		b.create(pool.Spec{Size: 1, TTL: pool.Duration(10 * time.Minute), MaxTTL: pool.Duration(time.Hour)})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		for _, step := range []struct {
			after time.Duration
			ttl   time.Duration
			want  time.Duration // from the grant
		}{
			{5 * time.Minute, 20 * time.Minute, 25 * time.Minute},
			{5 * time.Minute, 0, 20 * time.Minute},
			{5 * time.Minute, time.Minute, 16 * time.Minute},
			{30 * time.Second, 8 * time.Hour, time.Hour},
		} {
			time.Sleep(step.after)
			renewed, err := b.alice.Renew(b.Context(), g.Lease.ID, pool.Duration(step.ttl))
			b.must(err)
			if got := renewed.Lease.Expires.Sub(g.Lease.Created).Round(time.Second); got != step.want {
				b.Fatalf("renewed by %s, it ends %s after the grant, not %s", step.ttl, got, step.want)
			}
		}
		if _, err := b.alice.Renew(b.Context(), g.Lease.ID, pool.Duration(time.Millisecond)); !errors.Is(err, pool.ErrInvalid) {
			b.Fatalf("renewing by less than a lease may last: %v", err)
		}
	}},
	{"ALeaseEndsNeverBeforeItsTime", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{TTL: pool.Duration(time.Minute)})[0]
		time.Sleep(time.Until(g.Lease.Expires) - time.Millisecond)
		synctest.Wait()
		if shown, err := b.alice.Lease(b.Context(), g.Lease.ID); err != nil || shown.Lease.Ended != nil {
			b.Fatalf("it ended early: %+v, %v", shown.Lease, err)
		}
		b.settle()
		shown, err := b.alice.Lease(b.Context(), g.Lease.ID)
		b.must(err)
		if shown.Lease.Ended == nil || shown.Lease.Ended.Cause != pool.Expired {
			b.Fatalf("it did not expire: %+v", shown.Lease.Ended)
		}
		if _, err := b.alice.Renew(b.Context(), g.Lease.ID, 0); !errors.Is(err, pool.ErrLeaseEnded) || !strings.Contains(err.Error(), "expired") {
			b.Fatalf("renewing an expired lease: %v", err)
		}
	}},
	{"ReleasedTwiceIsReleased", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		for range 2 {
			ended, err := b.alice.Release(b.Context(), g.Lease.ID)
			b.must(err)
			if e := ended.Lease.Ended; e == nil || e.Cause != pool.Released || e.By != "user:alice" {
				b.Fatalf("it ended: %+v", e)
			}
		}
		if _, err := b.alice.Renew(b.Context(), g.Lease.ID, 0); !errors.Is(err, pool.ErrLeaseEnded) {
			b.Fatalf("a released lease was renewed: %v", err)
		}
	}},
	{"ARevokedLeaseSaysByWhomAndWhy", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.root.Revoke(b.Context(), g.Lease.ID, "maintenance at noon")
		b.must(err)
		shown, err := b.alice.Lease(b.Context(), g.Lease.ID)
		b.must(err)
		if e := shown.Lease.Ended; e == nil || e.Cause != pool.Revoked || e.By != "root" || e.Reason != "maintenance at noon" || e.At.IsZero() {
			b.Fatalf("it ended: %+v", e)
		}
		for verb, try := range map[string]func() error{
			"renew":   func() error { _, err := b.alice.Renew(b.Context(), g.Lease.ID, 0); return err },
			"release": func() error { _, err := b.alice.Release(b.Context(), g.Lease.ID); return err },
			"exec": func() error {
				_, err := b.alice.Exec(b.Context(), g.Lease.ID, pool.Command{Args: []string{"true"}})
				return err
			},
		} {
			if err := try(); !errors.Is(err, pool.ErrLeaseEnded) || !strings.Contains(err.Error(), "maintenance at noon") {
				b.Errorf("%s: %v", verb, err)
			}
		}
	}},
	{"AnEndedLeaseIsRememberedForADay", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.alice.Release(b.Context(), g.Lease.ID)
		b.must(err)
		time.Sleep(pool.EndedKept - time.Minute)
		_, err = b.alice.Lease(b.Context(), g.Lease.ID)
		b.must(err)
		time.Sleep(5 * time.Minute)
		if _, err := b.alice.Lease(b.Context(), g.Lease.ID); !errors.Is(err, pool.ErrNoLease) {
			b.Fatalf("after a day: %v", err)
		}
	}},
	{"RunningLeasesAreListedOldestFirst", func(b *bench) {
		b.create(pool.Spec{Size: 3})
		var ids []pool.LeaseID
		for range 3 {
			ids = append(ids, b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID)
			time.Sleep(time.Second)
		}
		_, err := b.alice.Release(b.Context(), ids[1])
		b.must(err)
		for _, name := range []pool.PoolName{"ci", ""} {
			list, err := b.root.Leases(b.Context(), name)
			b.must(err)
			if len(list) != 2 || list[0].Lease.ID != ids[0] || list[1].Lease.ID != ids[2] {
				b.Fatalf("the leases of %q are %+v", name, list)
			}
		}
	}},
	{"AnUnknownLeaseIsCalledSo", func(b *bench) {
		b.create(pool.Spec{})
		for _, id := range []pool.LeaseID{"ci.0000000000", "nope.0000000000", "nonsense"} {
			errs := map[string]error{}
			_, errs["show"] = b.root.Lease(b.Context(), id)
			_, errs["renew"] = b.root.Renew(b.Context(), id, 0)
			_, errs["release"] = b.root.Release(b.Context(), id)
			_, errs["revoke"] = b.root.Revoke(b.Context(), id, "why not")
			_, errs["hold"] = b.root.Hold(b.Context(), id, pool.Duration(time.Hour), "a look")
			_, errs["exec"] = b.root.Exec(b.Context(), id, pool.Command{Args: []string{"true"}})
			for verb, err := range errs {
				if !errors.Is(err, pool.ErrNoLease) || !strings.Contains(err.Error(), string(id)) {
					b.Errorf("%s %s: %v", verb, id, err)
				}
			}
		}
	}},
	{"AHeldInstanceStaysForALook", func(b *bench) {
		b.create(pool.Spec{Size: 2, Max: 4, MaxHolds: 1})
		grants := b.acquire(b.alice, pool.AcquireRequest{Count: 2})
		g := grants[0]
		_, err := b.alice.Hold(b.Context(), g.Lease.ID, pool.Duration(2*time.Hour), "it failed")
		b.must(err)
		if _, err := b.alice.Hold(b.Context(), grants[1].Lease.ID, pool.Duration(time.Hour), "this too"); !errors.Is(err, pool.ErrHoldLimit) {
			b.Fatalf("one hold more than allowed: %v", err)
		}
		_, err = b.alice.Release(b.Context(), g.Lease.ID)
		b.must(err)
		time.Sleep(time.Hour)
		if got := b.counts(); got.Held != 1 {
			b.Fatalf("after an hour the counts are %+v", got)
		}
		time.Sleep(time.Hour)
		b.settle()
		if got := b.counts(); got.Held != 0 || got.Deleting != 0 {
			b.Fatalf("after the hold the counts are %+v", got)
		}
	}},
	{"AHoldCanBeEndedBeforeItsTimeAlsoAfterTheLease", func(b *bench) {
		b.create(pool.Spec{Size: 2, Max: 4, Recycle: pool.ResetToSnapshot})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.alice.Hold(b.Context(), g.Lease.ID, pool.Duration(100*time.Hour), "it failed")
		b.must(err)
		_, err = b.alice.Release(b.Context(), g.Lease.ID)
		b.must(err)
		time.Sleep(50 * time.Hour) // ended leases are forgotten after a day
		b.Restart()
		b.settle()
		if got := b.counts(); got.Held != 1 || got.Deleting != 1 {
			b.Fatalf("while it is held the counts are %+v", got)
		}
		if _, err := b.bob.EndHold(b.Context(), "ci.0000000000"); !errors.Is(err, pool.ErrNoLease) {
			b.Fatalf("the hold of a lease that there is not: %v", err)
		}
		for range 2 {
			_, err = b.alice.EndHold(b.Context(), g.Lease.ID)
			b.must(err)
			b.settle()
		}
		if got := b.counts(); got.Held != 0 || got.Deleting != 0 || got.Ready != 2 {
			b.Fatalf("after its end the counts are %+v", got)
		}
		time.Sleep(5 * time.Minute)
		if _, err := b.alice.Lease(b.Context(), g.Lease.ID); !errors.Is(err, pool.ErrNoLease) {
			b.Fatalf("the lease is not forgotten: %v", err)
		}
	}},
	{"AHoldEndedBeforeItsLeaseWasNone", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1, Recycle: pool.ResetToSnapshot})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.alice.Hold(b.Context(), g.Lease.ID, pool.Duration(2*time.Hour), "it failed")
		b.must(err)
		_, err = b.alice.EndHold(b.Context(), g.Lease.ID)
		b.must(err)
		_, err = b.alice.Release(b.Context(), g.Lease.ID)
		b.must(err)
		b.settle()
		if got := b.counts(); got.Held != 0 || got.Ready != 1 {
			b.Fatalf("after the lease the counts are %+v", got)
		}
	}},
	{"ACommandHasItsStreamsItsStatusAndTheLeasesEnvironment", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{Env: map[string]string{"A": "lease", "B": "lease"}})[0]
		var out, errs bytes.Buffer
		run := func(c pool.Command) int {
			out.Reset()
			errs.Reset()
			c.Stdout, c.Stderr = &out, &errs
			status, err := b.alice.Exec(b.Context(), g.Lease.ID, c)
			b.must(err)
			return status
		}
		if status := run(pool.Command{Args: []string{"cat"}, Stdin: strings.NewReader("hello\n")}); status != 0 || out.String() != "hello\n" {
			b.Errorf("cat: %d, %q", status, &out)
		}
		if status := run(pool.Command{Args: []string{"false"}}); status != 1 {
			b.Errorf("false: %d", status)
		}
		if status := run(pool.Command{Args: []string{"cat", "/nope"}}); status == 0 || out.Len() != 0 || errs.Len() == 0 {
			b.Errorf("cat /nope: %d, %q, %q", status, &out, &errs)
		}
		run(pool.Command{Args: []string{"env"}, Env: map[string]string{"B": "command"}})
		if !strings.Contains(out.String(), "A=lease\n") || !strings.Contains(out.String(), "B=command\n") {
			b.Errorf("env: %q", &out)
		}
	}},
	{"AForkIsLeasesOfTheSameHolderOrNone", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 4})
		g := b.acquire(b.alice, pool.AcquireRequest{Purpose: "testing"})[0]
		forks, err := b.alice.Fork(b.Context(), pool.ForkRequest{Lease: g.Lease.ID, Count: 2, TTL: pool.Duration(time.Minute)})
		b.must(err)
		for _, f := range forks {
			if f.Lease.Holder != g.Lease.Holder || f.Lease.Purpose != "testing" || f.Token == "" || f.Lease.Expires.Sub(f.Lease.Created) != time.Minute {
				b.Errorf("%+v", f.Lease)
			}
		}
		if _, err := b.alice.Fork(b.Context(), pool.ForkRequest{Lease: g.Lease.ID, Count: 2}); !errors.Is(err, pool.ErrExhausted) {
			b.Errorf("beyond the max: %v", err)
		}
		if _, err := b.alice.Fork(b.Context(), pool.ForkRequest{Lease: "ci.nope"}); !errors.Is(err, pool.ErrNoLease) {
			b.Errorf("of nothing: %v", err)
		}
		if list, err := b.alice.Leases(b.Context(), "ci"); err != nil || len(list) != 3 {
			b.Errorf("%d leases, %v", len(list), err)
		}
	}},
	{"ACommandEndsWithItsLease", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{TTL: pool.Duration(time.Minute)})[0]
		start := time.Now()
		_, err := b.alice.Exec(b.Context(), g.Lease.ID, pool.Command{Args: []string{"sleep", "infinity"}})
		if ran := time.Since(start); !errors.Is(err, pool.ErrLeaseEnded) || ran < time.Minute || ran > 2*time.Minute {
			b.Fatalf("after %s: %v", ran, err)
		}
	}},
	{"ASignalReachesACommandThatDoesNotReadItsInput", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		signals := make(chan int, 1)
		go func() {
			time.Sleep(time.Minute)
			signals <- 15
		}()
		status, err := b.alice.Exec(b.Context(), g.Lease.ID, pool.Command{
			Args: []string{"sleep", "600"}, Stdin: bytes.NewReader(make([]byte, 4<<20)), Signals: signals,
		})
		if status != 128+15 || err != nil {
			b.Fatalf("it ended with %d, %v", status, err)
		}
	}},
}

package pooltest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var poolCases = []testCase{
	{"APoolIsShownAsItsOwnerWroteIt", func(b *bench) {
		spec := pool.Spec{Image: b.Image, Size: 2, TTL: pool.Duration(30 * time.Minute), Config: map[string]string{"limits.memory": "1GiB"}}
		made, err := b.root.CreatePool(b.Context(), "ci", spec)
		b.must(err)
		shown, err := b.root.Pool(b.Context(), "ci")
		b.must(err)
		for _, status := range []*pool.PoolStatus{made, shown} {
			if status.Name != "ci" || status.Spec.Size != 2 || status.Spec.TTL != spec.TTL || status.Spec.MaxTTL != 0 ||
				status.Spec.Config["limits.memory"] != "1GiB" || status.Created.IsZero() {
				b.Fatalf("the pool is shown as %+v", status)
			}
		}
	}},
	{"APoolFillsItself", func(b *bench) {
		b.create(pool.Spec{Size: 2, Spares: 1})
		if got := b.counts(); got != (pool.Counts{Ready: 2, Spare: 1}) {
			b.Fatalf("the counts are %+v", got)
		}
		names, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		if len(names) != 3 {
			b.Fatalf("the instances are %v", names)
		}
	}},
	{"PoolsAreListedByName", func(b *bench) {
		for _, name := range []pool.PoolName{"web", "db", "ci"} {
			_, err := b.root.CreatePool(b.Context(), name, pool.Spec{Image: b.Image})
			b.must(err)
		}
		all, err := b.root.Pools(b.Context())
		b.must(err)
		var names []pool.PoolName
		for _, p := range all {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, []pool.PoolName{"ci", "db", "web"}) {
			b.Fatalf("the pools are %v", names)
		}
	}},
	{"BadPoolsAreRefusedAndNothingIsMade", func(b *bench) {
		_, err := b.root.CreatePool(b.Context(), "ci", pool.Spec{Image: b.Image})
		b.must(err)
		for _, bad := range []struct {
			name pool.PoolName
			spec pool.Spec
			want error
		}{
			{"ci", pool.Spec{Image: b.Image}, pool.ErrPoolExists},
			{"CI", pool.Spec{Image: b.Image}, pool.ErrInvalid},
			{"new", pool.Spec{}, pool.ErrInvalid},
			{"new", pool.Spec{Image: b.Image, Size: -1}, pool.ErrInvalid},
			{"new", pool.Spec{Image: b.Image, Size: 9, Max: 3}, pool.ErrInvalid},
			{"new", pool.Spec{Image: "no-such-image"}, pool.ErrRejected},
		} {
			_, err := b.root.CreatePool(b.Context(), bad.name, bad.spec)
			if !errors.Is(err, bad.want) || !strings.HasPrefix(err.Error(), "cannot ") {
				b.Errorf("creating %q from %+v: %v, not %v", bad.name, bad.spec, err, bad.want)
			}
		}
		if all, err := b.root.Pools(b.Context()); err != nil || len(all) != 1 {
			b.Fatalf("there are %d pools (%v)", len(all), err)
		}
	}},
	{"AnEditChangesWhatItNamesOrNothing", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 5})
		status, err := b.root.SetPool(b.Context(), "ci", map[string]string{"size": "3", "config.limits.memory": "2GiB"})
		b.must(err)
		if status.Spec.Size != 3 || status.Spec.Max != 5 || status.Spec.Config["limits.memory"] != "2GiB" {
			b.Fatalf("the spec is %+v", status.Spec)
		}
		for _, bad := range []map[string]string{
			{"size": "many"}, {"sice": "3"}, {"size": "6"}, {"ttl": "30"}, {"size": "2", "max": "-1"},
		} {
			if _, err := b.root.SetPool(b.Context(), "ci", bad); !errors.Is(err, pool.ErrInvalid) {
				b.Errorf("setting %v: %v", bad, err)
			}
		}
		status, err = b.root.Pool(b.Context(), "ci")
		b.must(err)
		if status.Spec.Size != 3 || status.Spec.Max != 5 {
			b.Fatalf("a refused edit changed the spec to %+v", status.Spec)
		}
	}},
	{"AnUnknownPoolIsCalledSo", func(b *bench) {
		ctx := b.Context()
		errs := map[string]error{}
		_, errs["show"] = b.root.Pool(ctx, "nope")
		_, errs["set"] = b.root.SetPool(ctx, "nope", map[string]string{"size": "1"})
		_, errs["acquire"] = b.root.Acquire(ctx, pool.AcquireRequest{Pool: "nope"})
		_, errs["leases"] = b.root.Leases(ctx, "nope")
		_, errs["instances"] = b.root.Instances(ctx, "nope")
		errs["disable"] = b.root.DisablePool(ctx, "nope")
		errs["enable"] = b.root.EnablePool(ctx, "nope")
		errs["reset"] = b.root.ResetPool(ctx, "nope")
		errs["refill"] = b.root.RefillPool(ctx, "nope")
		errs["delete"] = b.root.DeletePool(ctx, "nope", false)
		for verb, err := range errs {
			if !errors.Is(err, pool.ErrNoPool) || !strings.Contains(err.Error(), "nope") {
				b.Errorf("%s: %v", verb, err)
			}
		}
	}},
	{"ADisabledPoolGivesNoLeasesAndKeepsWhatIsReady", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		waiting := b.begin(b.Context(), b.bob, pool.AcquireRequest{Wait: pool.WaitForever})
		b.must(b.root.DisablePool(b.Context(), "ci"))
		b.settle()
		if !waiting.done || !errors.Is(waiting.err, pool.ErrDisabled) {
			b.Fatalf("the one who waited got %v", waiting.err)
		}
		if _, err := b.alice.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci"}); !errors.Is(err, pool.ErrDisabled) {
			b.Fatalf("acquire from a disabled pool: %v", err)
		}
		_, err := b.alice.Renew(b.Context(), held.Lease.ID, 0)
		b.must(err)
		_, err = b.alice.Release(b.Context(), held.Lease.ID)
		b.must(err)
		b.settle()
		if got := b.counts(); got.Ready != 1 {
			b.Fatalf("the counts are %+v", got)
		}
		b.must(b.root.EnablePool(b.Context(), "ci"))
		b.acquire(b.bob, pool.AcquireRequest{})
	}},
	{"ARefillOfAPoolThatLacksNothingChangesNothing", func(b *bench) {
		b.create(pool.Spec{Size: 2})
		before, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		b.must(b.root.RefillPool(b.Context(), "ci"))
		b.settle()
		after, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		if !slices.Equal(before, after) || b.counts().Ready != 2 {
			b.Errorf("there are %v, and were %v", after, before)
		}
	}},
	{"AResetReplacesWhatIsIdleNowAndWhatIsLeasedLater", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 3, Recycle: pool.ResetToSnapshot})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		b.settle()
		before, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		b.must(b.root.ResetPool(b.Context(), "ci"))
		b.settle()
		between, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		if !slices.Contains(between, held.Lease.Instance) {
			b.Fatal("the reset took an instance from its holder")
		}
		_, err = b.alice.Release(b.Context(), held.Lease.ID)
		b.must(err)
		b.settle()
		after, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		for _, name := range after {
			if slices.Contains(before, name) {
				b.Errorf("%s is still there", name)
			}
		}
	}},
	{"APoolWithLeasesIsOnlyDeletedByForce", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		if err := b.root.DeletePool(b.Context(), "ci", false); !errors.Is(err, pool.ErrLeased) {
			b.Fatalf("deleting a pool with leases: %v", err)
		}
		_, err := b.alice.Renew(b.Context(), held.Lease.ID, 0)
		b.must(err)
		b.must(b.root.DeletePool(b.Context(), "ci", true))
		if _, err := b.root.Pool(b.Context(), "ci"); !errors.Is(err, pool.ErrNoPool) {
			b.Fatalf("the deleted pool: %v", err)
		}
		_, err = b.root.CreatePool(b.Context(), "ci", pool.Spec{Image: b.Image})
		b.must(err)
	}},
	{"EventsTellOfALeaseFromItsBeginningToItsEnd", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		ctx, stop := context.WithCancel(b.Context())
		var seen []pool.EventType
		ended := make(chan bool)
		events := b.root.Watch(ctx)
		go func() {
			defer close(ended)
			for e := range events {
				if e.Lease != "" && e.Holder == "user:alice" && e.Pool == "ci" {
					seen = append(seen, e.Type)
				}
			}
		}()
		b.settle()
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.alice.Renew(b.Context(), held.Lease.ID, 0)
		b.must(err)
		_, err = b.alice.Release(b.Context(), held.Lease.ID)
		b.must(err)
		b.settle()
		stop()
		<-ended
		for _, want := range []pool.EventType{pool.LeaseGranted, pool.LeaseRenewed, pool.LeaseEnded} {
			if !slices.Contains(seen, want) {
				b.Errorf("no %s among %v", want, seen)
			}
		}
	}},
	{"WhyTellsWhatIsShortAndWhoHasIt", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{Purpose: "build 17"})[0]
		b.begin(b.Context(), b.bob, pool.AcquireRequest{Wait: pool.Duration(time.Hour)})
		list, err := b.root.Why(b.Context(), "ci")
		b.must(err)
		if len(list) != 1 || list[0].Subject != "ci" || len(list[0].Leases) == 0 || !strings.Contains(list[0].Leases[0].Text, "build 17") {
			b.Fatalf("why ci: %+v", list)
		}
		for _, subject := range []string{string(held.Lease.ID), string(held.Lease.Instance), ""} {
			if list, err = b.root.Why(b.Context(), subject); err != nil || len(list) != 1 || list[0].Summary == "" {
				b.Errorf("why %q: %+v, %v", subject, list, err)
			}
		}
		if _, err := b.root.Why(b.Context(), "nope"); !errors.Is(err, pool.ErrNoInstance) {
			b.Errorf("why of what is not there: %v", err)
		}
	}},
}

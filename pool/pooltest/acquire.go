package pooltest

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var acquireCases = []testCase{
	{"ALeaseSaysWhatWasGotByWhom", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		before := time.Now()
		g := b.acquire(b.alice, pool.AcquireRequest{TTL: pool.Duration(30 * time.Minute), Purpose: "build 17"})[0]
		l := g.Lease
		if l.Pool != "ci" || l.ID.Pool() != "ci" || l.Holder != "user:alice" || l.Purpose != "build 17" || l.Fence == 0 || l.Ended != nil || l.Instance == "" {
			b.Fatalf("the lease is %+v", l)
		}
		if l.Created.Before(before) || l.Expires.Sub(l.Created) != 30*time.Minute {
			b.Fatalf("it lasts from %s to %s", l.Created, l.Expires)
		}
		if g.Token == "" || g.Instance == nil || g.Instance.Name != l.Instance || len(g.Instance.Place.Addresses) == 0 {
			b.Fatalf("the grant is %+v", g)
		}
		shown, err := b.alice.Lease(b.Context(), l.ID)
		b.must(err)
		if shown.Token != "" || shown.Lease.Instance != l.Instance {
			b.Fatalf("the lease is shown as %+v", shown)
		}
	}},
	{"AWaiterGetsWhatIsReleased", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		waiting := b.begin(b.Context(), b.bob, pool.AcquireRequest{Wait: pool.WaitForever})
		if waiting.done {
			b.Fatalf("it did not wait: %v", waiting.err)
		}
		_, err := b.alice.Release(b.Context(), held.Lease.ID)
		b.must(err)
		b.settle()
		if !waiting.done || waiting.err != nil || waiting.grants[0].Lease.Holder != "user:bob" {
			b.Fatalf("the one who waited got %+v, %v", waiting.grants, waiting.err)
		}
	}},
	{"WaitersAreServedInOrder", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		var waiting []*outcome
		for i := range 4 {
			s := b.alice
			if i%2 == 1 {
				s = b.bob
			}
			waiting = append(waiting, b.begin(b.Context(), s, pool.AcquireRequest{Wait: pool.WaitForever}))
		}
		for i, next := range waiting {
			_, err := b.root.Release(b.Context(), held.Lease.ID)
			b.must(err)
			b.settle()
			for k, w := range waiting {
				if w.done != (k <= i) {
					b.Fatalf("after %d releases, waiter %d is done: %t", i+1, k, w.done)
				}
			}
			b.must(next.err)
			held = next.grants[0]
		}
	}},
	{"AHigherPriorityIsServedFirst", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		low := b.begin(b.Context(), b.alice, pool.AcquireRequest{Wait: pool.WaitForever})
		high := b.begin(b.Context(), b.bob, pool.AcquireRequest{Wait: pool.WaitForever, Priority: 5})
		_, err := b.alice.Release(b.Context(), held.Lease.ID)
		b.must(err)
		b.settle()
		if !high.done || low.done {
			b.Fatalf("done are high: %t, low: %t", high.done, low.done)
		}
		b.must(high.err)
		b.must(b.root.DisablePool(b.Context(), "ci"))
	}},
	{"AWaitEndsWhenItsTimeIsOver", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		b.acquire(b.alice, pool.AcquireRequest{})
		start := time.Now()
		_, err := b.bob.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.Duration(90 * time.Second)})
		if waited := time.Since(start); !errors.Is(err, pool.ErrExhausted) || waited < 90*time.Second || waited > 91*time.Second {
			b.Fatalf("after %s: %v", waited, err)
		}
		if got := b.counts(); got.Waiting != 0 {
			b.Fatalf("the counts are %+v", got)
		}
	}},
	{"AWaitEndsWithTheCallersDeadline", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		b.acquire(b.alice, pool.AcquireRequest{})
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		_, err := b.bob.Acquire(ctx, pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
		if !errors.Is(err, pool.ErrExhausted) {
			b.Fatalf("it got %v", err)
		}
		synctest.Wait()
		if got := b.counts(); got.Waiting != 0 {
			b.Fatalf("the counts are %+v", got)
		}
	}},
	{"WithoutAWaitItTriesOnceAndTheMissingOneIsBuilt", func(b *bench) {
		b.create(pool.Spec{Size: 0, Max: 1})
		if _, err := b.alice.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci"}); !errors.Is(err, pool.ErrExhausted) {
			b.Fatalf("it got %v", err)
		}
		b.settle()
		b.acquire(b.alice, pool.AcquireRequest{})
	}},
	{"ACountIsAllOrNothing", func(b *bench) {
		b.create(pool.Spec{Size: 2, Max: 3})
		_, err := b.alice.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Count: 3})
		if !errors.Is(err, pool.ErrExhausted) || b.counts().Leased != 0 {
			b.Fatalf("it got %v, and %d are leased", err, b.counts().Leased)
		}
		if grants := b.acquire(b.alice, pool.AcquireRequest{Count: 3, Wait: pool.WaitForever}); len(grants) != 3 {
			b.Fatalf("it got %d leases", len(grants))
		}
		for _, count := range []int{4, 1000} {
			_, err = b.bob.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Count: count, Wait: pool.WaitForever})
			if !errors.Is(err, pool.ErrTooMany) {
				b.Errorf("asking for %d of 3: %v", count, err)
			}
		}
	}},
	{"TwoCountsDoNotBlockEachOther", func(b *bench) {
		b.create(pool.Spec{Size: 3, Max: 3})
		first := b.begin(b.Context(), b.alice, pool.AcquireRequest{Count: 2, Wait: pool.WaitForever})
		second := b.begin(b.Context(), b.bob, pool.AcquireRequest{Count: 2, Wait: pool.WaitForever})
		b.settle()
		if !first.done || second.done {
			b.Fatalf("done are first: %t, second: %t", first.done, second.done)
		}
		for _, g := range first.grants {
			_, err := b.alice.Release(b.Context(), g.Lease.ID)
			b.must(err)
		}
		b.settle()
		if !second.done || second.err != nil || len(second.grants) != 2 {
			b.Fatalf("the second got %+v, %v", second.grants, second.err)
		}
	}},
	{"ARepeatedRequestGetsTheSameLeaseAndAnotherToken", func(b *bench) {
		b.create(pool.Spec{Size: 3})
		first := b.acquire(b.alice, pool.AcquireRequest{Request: "r1"})[0]
		again := b.acquire(b.alice, pool.AcquireRequest{Request: "r1"})[0]
		if first.Lease.ID != again.Lease.ID || again.Token == "" || first.Token == again.Token {
			b.Fatalf("got %s and %s", first.Lease.ID, again.Lease.ID)
		}
		if others := b.acquire(b.bob, pool.AcquireRequest{Request: "r1"})[0]; others.Lease.ID == first.Lease.ID {
			b.Fatal("another holder got the same lease")
		}
		if got := b.counts(); got.Leased != 2 {
			b.Fatalf("the counts are %+v", got)
		}
	}},
	{"ARepeatedRequestGetsTheSameLeaseAfterARestart", func(b *bench) {
		b.create(pool.Spec{Size: 2})
		first := b.acquire(b.alice, pool.AcquireRequest{Request: "r1"})[0]
		b.Restart()
		b.settle()
		again := b.acquire(b.alice, pool.AcquireRequest{Request: "r1"})[0]
		if first.Lease.ID != again.Lease.ID {
			b.Fatalf("got %s and %s", first.Lease.ID, again.Lease.ID)
		}
	}},
	{"OneWhoLeavesTheQueueGetsNothing", func(b *bench) {
		b.create(pool.Spec{Size: 1, Max: 1})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		ctx, leave := context.WithCancel(b.Context())
		gone := b.begin(ctx, b.bob, pool.AcquireRequest{Wait: pool.WaitForever})
		next := b.begin(b.Context(), b.alice, pool.AcquireRequest{Wait: pool.WaitForever})
		leave()
		b.settle()
		if !gone.done || !errors.Is(gone.err, context.Canceled) || b.counts().Waiting != 1 {
			b.Fatalf("the one who left got %v, and %d wait", gone.err, b.counts().Waiting)
		}
		_, err := b.alice.Release(b.Context(), held.Lease.ID)
		b.must(err)
		b.settle()
		if !next.done || next.err != nil || b.counts().Leased != 1 {
			b.Fatalf("the next one got %v, and %d are leased", next.err, b.counts().Leased)
		}
	}},
	{"BadRequestsAreRefused", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		for _, bad := range []pool.AcquireRequest{
			{Count: -1}, {TTL: pool.Duration(time.Millisecond)},
		} {
			bad.Pool = "ci"
			if _, err := b.alice.Acquire(b.Context(), bad); !errors.Is(err, pool.ErrInvalid) {
				b.Errorf("%+v: %v", bad, err)
			}
		}
	}},
}

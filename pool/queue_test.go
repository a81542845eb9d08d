package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestWaitersAreServedInOrderWithinAPriority(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 0, Max: 1})
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		for i, priority := range []int{0, 0, 5, 0, 5} {
			all.Go(func() {
				g := w.acquire(pool.AcquireRequest{Priority: priority, Wait: pool.WaitForever, Holder: pool.Identity(fmt.Sprint(i))})[0]
				mu.Lock()
				order = append(order, string(g.Lease.Holder))
				mu.Unlock()
				w.release(g)
			})
			synctest.Wait()
		}
		all.Wait()
		if want := []string{"2", "4", "0", "1", "3"}; !slices.Equal(order, want) {
			t.Fatalf("served in order %v, not %v", order, want)
		}
	})
}

func TestAWaiterGetsNothingAfterItsDeadline(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		first := w.acquire(pool.AcquireRequest{})[0]
		began := time.Now()
		_, err := w.tryAcquire(pool.AcquireRequest{Wait: pool.Duration(10 * time.Second)})
		if !errors.Is(err, pool.ErrExhausted) || time.Since(began) != 10*time.Second {
			t.Fatalf("after %s: %v", time.Since(began), err)
		}
		w.release(first)
		w.settle()
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestACallerThatLeavesGetsNothing(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		first := w.acquire(pool.AcquireRequest{})[0]
		ctx, leave := context.WithCancel(w.ctx)
		done := make(chan error)
		go func() {
			_, err := w.m.Acquire(ctx, pool.AcquireRequest{Pool: "ci", Holder: "user:bob", Wait: pool.WaitForever})
			done <- err
		}()
		synctest.Wait()
		if w.status().Counts.Waiting != 1 {
			t.Fatal("nobody waits")
		}
		leave()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		w.release(first)
		w.settle()
		w.counts(pool.Counts{Ready: 1})
	})
}

func TestSeveralAtOnceAreAllOrNothingAndCannotDeadlock(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 4})
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				grants := w.acquire(pool.AcquireRequest{Count: 3, Wait: pool.WaitForever, Holder: pool.Identity(fmt.Sprint(i))})
				if len(grants) != 3 {
					t.Errorf("%d leases for a count of 3", len(grants))
				}
				time.Sleep(time.Second)
				for _, g := range grants {
					w.release(g)
				}
			})
		}
		all.Wait()
		if _, err := w.tryAcquire(pool.AcquireRequest{Count: 5}); !errors.Is(err, pool.ErrTooMany) {
			t.Fatalf("more than max: %v", err)
		}
		w.settle()
		w.counts(pool.Counts{Ready: 2})
		if peak := w.lxd.Peak("ci"); peak > 4 {
			t.Fatalf("%d instances at once with a max of 4", peak)
		}
	})
}

func TestTwentyClientsOnFiveInstancesAreServedWithoutExceedingMax(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 3, Max: 5})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				g := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever, Holder: pool.Identity(fmt.Sprint(i))})[0]
				time.Sleep(2 * time.Second)
				w.release(g)
			})
		}
		all.Wait()
		w.settle()
		w.counts(pool.Counts{Ready: 3})
		if peak := w.lxd.Peak("ci"); peak > 5 {
			t.Fatalf("%d instances at once with a max of 5", peak)
		}
	})
}

func TestACreationNobodyWantsAnyMoreIsNotStarted(t *testing.T) {
	inWorld(t, simbackend.Options{Latency: map[simbackend.Verb]simbackend.Latency{
		simbackend.Create: {Min: time.Minute, Max: time.Minute},
	}}, func(w *world) {
		w.create(pool.Spec{Size: 0, Max: 20})
		ctx, leave := context.WithTimeout(w.ctx, time.Second)
		defer leave()
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				w.m.Acquire(ctx, pool.AcquireRequest{Pool: "ci", Holder: pool.Identity(fmt.Sprint(i)), Wait: pool.WaitForever})
			})
		}
		all.Wait()
		time.Sleep(10 * time.Minute)
		made := 0
		for _, e := range w.lxd.History("") {
			if e.Verb == simbackend.Create && e.What == "began" {
				made++
			}
		}
		if made != 4 {
			t.Fatalf("%d creations were begun; only the 4 of the workers were wanted when they began", made)
		}
		w.counts(pool.Counts{})
	})
}

func TestAReturnedInstanceServesTheNextBeforeOneStillBeingBuilt(t *testing.T) {
	inWorld(t, simbackend.Options{Latency: map[simbackend.Verb]simbackend.Latency{
		simbackend.Reset: {Min: time.Second, Max: time.Second},
	}}, func(w *world) {
		w.create(pool.Spec{Size: 0, Max: 2, Recycle: pool.ResetToSnapshot})
		first := w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0]
		w.lxd.SetLatency(simbackend.Create, simbackend.Latency{Min: time.Hour, Max: time.Hour})
		done := make(chan pool.Grant)
		go func() { done <- w.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0] }()
		time.Sleep(time.Minute)
		w.release(first)
		// The builder is still at it, so the one that came back is reset although
		// another is on its way.
		select {
		case g := <-done:
			if g.Lease.Instance != first.Lease.Instance {
				t.Fatalf("got %s", g.Lease.Instance)
			}
		case <-time.After(time.Minute):
			t.Fatal("the waiter waited for the one being built")
		}
	})
}

func TestARepeatedRequestTakesOverItsPlaceInTheQueue(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1})
		first := w.acquire(pool.AcquireRequest{})[0]
		ask := func(request pool.RequestID) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := w.tryAcquire(pool.AcquireRequest{Request: request, Wait: pool.WaitForever})
				done <- err
			}()
			synctest.Wait()
			return done
		}
		a, b := ask("a"), ask("b")
		again := ask("a")
		if err := <-a; !errors.Is(err, pool.ErrExhausted) {
			t.Fatal(err)
		}
		w.release(first)
		select {
		case err := <-again:
			if err != nil {
				t.Fatal(err)
			}
		case <-b:
			t.Fatal("the repeated request lost its place")
		}
	})
}

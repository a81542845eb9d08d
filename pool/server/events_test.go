package server_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// listen collects the events of somebody until the returned function is called.
func (b *bench) listen(who pool.Identity, of pool.PoolName) func() []pool.Event {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var seen []pool.Event
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for e, err := range b.as(who, "").Watch(ctx, of) {
			if err != nil {
				b.Error(err)
				return
			}
			seen = append(seen, e)
		}
	}()
	synctest.Wait()
	return func() []pool.Event { synctest.Wait(); stop(); <-ended; return seen }
}

func TestAConsumerHearsOfTheirOwnLeasesOnly(t *testing.T) {
	inBench(t, pool.Spec{Size: 2}, func(b *bench) {
		if _, err := b.m.CreatePool(b.Context(), "web", pool.Spec{Image: image, Size: 1}); err != nil {
			b.Fatal(err)
		}
		b.settle()
		rootAll, rootWeb, bobAll := b.listen("root", ""), b.listen("root", "web"), b.listen("user:bob", "")
		hers := b.acquire("user:alice", pool.AcquireRequest{Purpose: "her secret plan"})
		his := b.acquire("user:bob", pool.AcquireRequest{})
		for _, id := range []pool.LeaseID{hers.ID, his.ID} {
			if _, err := b.as("root", "").Revoke(b.Context(), id, "noon"); err != nil {
				b.Fatal(err)
			}
		}
		b.settle()
		if leases := leasesOf(rootAll()); !leases[hers.ID] || !leases[his.ID] {
			b.Errorf("root heard of %v", leases)
		}
		if seen := rootWeb(); len(seen) != 0 {
			b.Errorf("of another pool root heard %+v", seen)
		}
		seen := bobAll()
		if text := fmt.Sprint(seen); strings.Contains(text, "alice") || strings.Contains(text, "secret") || strings.Contains(text, string(hers.ID)) {
			b.Errorf("bob heard of alice: %+v", seen)
		}
		if i := slices.IndexFunc(seen, func(e pool.Event) bool { return e.Type == pool.LeaseEnded }); i < 0 || seen[i].Lease != his.ID || !strings.Contains(seen[i].Message, "noon") {
			b.Errorf("bob heard %+v", seen)
		}
	})
}

func leasesOf(events []pool.Event) map[pool.LeaseID]bool {
	set := map[pool.LeaseID]bool{}
	for _, e := range events {
		set[e.Lease] = true
	}
	return set
}

func TestASilentStreamSaysThatItIsThere(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		conn, err := b.dial(b.Context(), "root")
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprint(conn, "GET /1.0/events HTTP/1.1\r\nHost: x\r\n\r\n")
		go func() { time.Sleep(time.Minute); conn.Close() }()
		text, _ := io.ReadAll(conn)
		if n := strings.Count(string(text), ": still here\n\n"); n < 3 {
			b.Fatalf("in a minute it said so %d times: %s", n, text)
		}
	})
}

func TestAListenerWhoDoesNotReadHoldsUpNobody(t *testing.T) {
	inBench(t, pool.Spec{Size: 2, Max: 4}, func(b *bench) {
		conn, err := b.dial(b.Context(), "root")
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /1.0/events HTTP/1.1\r\nHost: x\r\n\r\n")
		for range 20 {
			lease := b.acquire("user:alice", pool.AcquireRequest{Wait: pool.WaitForever})
			if _, err := b.as("user:alice", "").Release(b.Context(), lease.ID); err != nil {
				b.Fatal(err)
			}
		}
		b.settle()
		start := time.Now()
		if err := b.server.Shutdown(b.Context()); err != nil || time.Since(start) > 10*time.Second {
			b.Fatalf("the shutdown took %s (%v)", time.Since(start), err)
		}
	})
}

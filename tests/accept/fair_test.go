package accept

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestTwentyClientsShareFiveInstances(t *testing.T) {
	d := startDaemon(t)
	d.create("accept-fair", pool.Spec{Size: 3, Max: 5})
	d.full("accept-fair", 3)

	var most atomic.Int64
	watched := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			most.Store(max(most.Load(), int64(len(d.members("accept-fair")))))
			select {
			case <-done:
				return
			default:
			}
		}
	}()

	var mu sync.Mutex
	var granted []string
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			leases, err := d.Acquire(d.ctx, pool.AcquireRequest{Pool: "accept-fair", Wait: pool.Duration(3 * time.Minute), Purpose: fmt.Sprintf("%02d", i)})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			granted = append(granted, leases[0].Purpose)
			mu.Unlock()
			if got := d.sh(leases[0].ID, "hostname"); got != string(leases[0].Instance) {
				t.Errorf("the lease on %s reaches %s", leases[0].Instance, got)
			}
			if _, err := d.Release(d.ctx, leases[0].ID); err != nil {
				t.Error(err)
			}
		})
		// In order means in the order of arrival, so let each arrive.
		d.waitFor("accept-fair", func(c pool.Counts) bool {
			mu.Lock()
			defer mu.Unlock()
			return c.Waiting+c.Leased+len(granted) > i
		})
	}
	all.Wait()
	close(done)
	<-watched
	if most.Load() > 5 {
		t.Errorf("lxc list showed %d instances with a max of 5", most.Load())
	}
	// Answers race to this process, so neighbours may have changed places.
	for place, who := range granted {
		n, err := strconv.Atoi(who)
		if err != nil {
			t.Fatal(err)
		}
		if n-place > 5 || place-n > 5 {
			t.Errorf("client %d was served as number %d: %v", n, place, granted)
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(granted)))) != 20 {
		t.Errorf("served: %v", granted)
	}
	d.full("accept-fair", 3)
}

package accept

import (
	"sync"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestShortCommandsLoseNoOutput(t *testing.T) {
	d := startDaemon(t)
	d.create("accept-exec", pool.Spec{Size: 2})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			leases, err := d.Acquire(d.ctx, pool.AcquireRequest{Pool: "accept-exec", Wait: pool.WaitForever})
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				if got := d.sh(leases[0].ID, "echo hi"); got != "hi" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	all.Wait()
}

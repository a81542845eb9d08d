package client

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Fork makes copies of a leased instance and returns their leases, all or none,
// when they can be used. A daemon that goes away meanwhile is asked again, under
// the same request id.
func (c *Client) Fork(ctx context.Context, r pool.ForkRequest) ([]*api.Lease, error) {
	if r.Request == "" {
		r.Request = pool.RequestID(rand.Text())
	}
	what := call{op: api.OpForkLease, at: []string{string(r.Lease)}, in: api.Fork{Count: r.Count, TTL: r.TTL, Request: r.Request}}
	start, asked := time.Now(), false
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		var leases []*api.Lease
		_, err := c.do(ctx, what, &leases)
		if err == nil {
			return leases, nil
		}
		asked = asked || !neverSent(err)
		if !asked || !worthRepeating(err) || time.Since(start) > comeback || !sleep(ctx, pause) {
			return nil, err
		}
	}
}

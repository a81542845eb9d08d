package client

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Power stops, starts, restarts, pauses or resumes the instance of a running
// lease. The lease goes on whatever the instance does. The answer has the
// addresses that the instance has now.
func (c *Client) Power(ctx context.Context, id pool.LeaseID, r pool.PowerRequest) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpPower, at: []string{string(id)}, in: r})
}

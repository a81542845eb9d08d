package client

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Move takes the instance of a running lease to another cluster member or
// another LXD, as [pool.Manager.Move] does. Another LXD, and another member than
// its pool names, are for operators. The answer has the place and the addresses
// that the instance has now.
func (c *Client) Move(ctx context.Context, id pool.LeaseID, to pool.Destination) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpMove, at: []string{string(id)}, in: to})
}

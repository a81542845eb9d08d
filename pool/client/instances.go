package client

import (
	"context"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Instances returns the instances of a pool, by name; of every pool for "".
// Those who do not operate the daemon see those of their own leases.
func (c *Client) Instances(ctx context.Context, name pool.PoolName) ([]*api.Instance, error) {
	what := call{op: api.OpListInstances}
	if name != "" {
		what.query = url.Values{"pool": {string(name)}}
	}
	var list []*api.Instance
	_, err := c.do(ctx, what, &list)
	return list, err
}

package client

import (
	"context"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Renew moves the end of a lease to ttl from now (0: the pool's ttl), capped by
// the pool's max-ttl since the grant. The answer is the truth.
func (c *Client) Renew(ctx context.Context, id pool.LeaseID, ttl pool.Duration) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpRenewLease, at: []string{string(id)}, in: api.Renew{TTL: ttl}})
}

// Release ends a lease; the instance is cleaned after the answer. Releasing a
// lease that its holder has released before is no error.
func (c *Client) Release(ctx context.Context, id pool.LeaseID) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpReleaseLease, at: []string{string(id)}})
}

// Revoke ends a lease against its holder's will. It is for operators.
func (c *Client) Revoke(ctx context.Context, id pool.LeaseID, reason string) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpReleaseLease, at: []string{string(id)}, query: url.Values{"reason": {reason}}})
}

// Hold keeps the instance of a running lease for a look: when the lease ends,
// it is neither reset nor deleted before that long from now.
func (c *Client) Hold(ctx context.Context, id pool.LeaseID, long pool.Duration, reason string) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpHoldLease, at: []string{string(id)}, in: api.Hold{For: long, Reason: reason}})
}

// EndHold ends the hold of a lease's instance before its time, also when the
// lease is over: then the instance is cleaned. Without a hold it is no error.
func (c *Client) EndHold(ctx context.Context, id pool.LeaseID) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpEndHold, at: []string{string(id)}})
}

// Lease returns a lease, also one that ended less than [pool.EndedKept] ago.
func (c *Client) Lease(ctx context.Context, id pool.LeaseID) (*api.Lease, error) {
	return c.lease(ctx, call{op: api.OpGetLease, at: []string{string(id)}})
}

// Leases returns the running leases of a pool, oldest first; of every pool for
// "". With mine, and for those who do not operate the daemon, only one's own.
func (c *Client) Leases(ctx context.Context, name pool.PoolName, mine bool) ([]*api.Lease, error) {
	query := url.Values{}
	if mine {
		query.Set("mine", "true")
	}
	return c.leases(ctx, name, query)
}

func (c *Client) leases(ctx context.Context, name pool.PoolName, query url.Values) ([]*api.Lease, error) {
	what := call{op: api.OpListLeases, query: query}
	if name != "" {
		what.op, what.at = api.OpListPoolLeases, []string{string(name)}
	}
	var list []*api.Lease
	_, err := c.do(ctx, what, &list)
	return list, err
}

func (c *Client) lease(ctx context.Context, what call) (*api.Lease, error) {
	var l api.Lease
	if _, err := c.do(ctx, what, &l); err != nil {
		return nil, err
	}
	return &l, nil
}

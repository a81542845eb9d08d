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
	return c.FindLeases(ctx, LeaseFilter{Pool: name, Mine: mine})
}

// LeasesOf returns the running leases of a holder in every pool, oldest first in
// each. For those who do not operate the daemon, a foreign holder has none.
func (c *Client) LeasesOf(ctx context.Context, holder pool.Identity) ([]*api.Lease, error) {
	return c.FindLeases(ctx, LeaseFilter{Holder: holder})
}

// LeaseFilter says which of the running leases are wanted. What is left out
// excludes none, but for those who do not operate the daemon there are only
// their own.
type LeaseFilter struct {
	Pool   pool.PoolName
	Mine   bool
	Holder pool.Identity
	// Request is the id under which they were acquired: by Holder, or by the
	// caller if that is left out.
	Request pool.RequestID
}

func (f LeaseFilter) query() url.Values {
	query := url.Values{}
	if f.Mine {
		query.Set("mine", "true")
	}
	if f.Holder != "" {
		query.Set("holder", string(f.Holder))
	}
	if f.Request != "" {
		query.Set("request", string(f.Request))
	}
	return query
}

// FindLeases returns the running leases that f says, oldest first in each pool.
func (c *Client) FindLeases(ctx context.Context, f LeaseFilter) ([]*api.Lease, error) {
	what := call{op: api.OpListLeases, query: f.query()}
	if f.Pool != "" {
		what.op, what.at = api.OpListPoolLeases, []string{string(f.Pool)}
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

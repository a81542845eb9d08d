package client

import (
	"context"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// CreatePool makes a pool. On error nothing was made.
func (c *Client) CreatePool(ctx context.Context, name pool.PoolName, spec pool.Spec) (*api.Pool, error) {
	return c.pool(ctx, call{op: api.OpCreatePool, in: api.CreatePool{Name: name, Spec: spec}})
}

// SetPool sets keys of the spec of a pool from texts, as [pool.Spec.Set] reads
// them, all or none.
func (c *Client) SetPool(ctx context.Context, name pool.PoolName, set map[string]string) (*api.Pool, error) {
	return c.pool(ctx, call{op: api.OpPatchPool, at: []string{string(name)}, in: api.EditPool{Set: set}})
}

// PutPool replaces the spec of a pool. With an etag, from [Client.Pool], it is
// refused with [pool.ErrChanged] when the spec has changed since.
func (c *Client) PutPool(ctx context.Context, name pool.PoolName, spec pool.Spec, etag string) (*api.Pool, error) {
	return c.pool(ctx, call{op: api.OpPutPool, at: []string{string(name)}, in: spec, etag: etag})
}

// Pools returns the status of every pool, by name.
func (c *Client) Pools(ctx context.Context) ([]*api.Pool, error) {
	var list []*api.Pool
	_, err := c.do(ctx, call{op: api.OpListPools}, &list)
	for _, p := range list {
		p.ETag = api.ETag(&p.Spec)
	}
	return list, err
}

// Pool returns the status of one pool. Its spec is as the owner wrote it;
// those who do not operate the daemon see it without config, devices and setup.
func (c *Client) Pool(ctx context.Context, name pool.PoolName) (*api.Pool, error) {
	return c.pool(ctx, call{op: api.OpGetPool, at: []string{string(name)}})
}

// DisablePool refuses new leases, also to those that wait.
func (c *Client) DisablePool(ctx context.Context, name pool.PoolName) error {
	return c.setDisabled(ctx, name, true)
}

// EnablePool allows new leases again.
func (c *Client) EnablePool(ctx context.Context, name pool.PoolName) error {
	return c.setDisabled(ctx, name, false)
}

// ResetPool replaces every instance that is nobody's now, and the leased ones
// when their leases end.
func (c *Client) ResetPool(ctx context.Context, name pool.PoolName) error {
	_, err := c.do(ctx, call{op: api.OpResetPool, at: []string{string(name)}}, nil)
	return err
}

// RefillPool has a pool try again at once whatever has failed and would be tried
// later. For a pool that lacks nothing it is no error.
func (c *Client) RefillPool(ctx context.Context, name pool.PoolName) error {
	_, err := c.do(ctx, call{op: api.OpRefillPool, at: []string{string(name)}}, nil)
	return err
}

// DeletePool deletes a pool and returns when its instances are gone. With
// leases it is refused with [pool.ErrLeased] unless force, which revokes them.
// When ctx ends first the deletion goes on.
func (c *Client) DeletePool(ctx context.Context, name pool.PoolName, force bool) error {
	what := call{op: api.OpDeletePool, at: []string{string(name)}}
	if force {
		what.query = url.Values{"force": {"true"}}
	}
	_, err := c.do(ctx, what, nil)
	return err
}

func (c *Client) setDisabled(ctx context.Context, name pool.PoolName, disabled bool) error {
	_, err := c.pool(ctx, call{op: api.OpPatchPool, at: []string{string(name)}, in: api.EditPool{Disabled: &disabled}})
	return err
}

func (c *Client) pool(ctx context.Context, what call) (*api.Pool, error) {
	var p api.Pool
	header, err := c.do(ctx, what, &p)
	if err != nil {
		return nil, err
	}
	p.ETag = header.Get("ETag")
	return &p, nil
}

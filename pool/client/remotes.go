package client

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Remotes returns every remote by name.
func (c *Client) Remotes(ctx context.Context) ([]pool.Remote, error) {
	var list []pool.Remote
	_, err := c.do(ctx, call{op: api.OpListRemotes}, &list)
	return list, err
}

// Remote returns one remote.
func (c *Client) Remote(ctx context.Context, name pool.RemoteName) (*pool.Remote, error) {
	return c.remote(ctx, call{op: api.OpGetRemote, at: []string{string(name)}})
}

// AddRemote makes another server known, for good. It is talked to first; on
// error nothing was made, here or there.
func (c *Client) AddRemote(ctx context.Context, r pool.NewRemote) (*pool.Remote, error) {
	return c.remote(ctx, call{op: api.OpAddRemote, in: r})
}

// RemoveRemote forgets a remote. One that the image of a pool comes from is
// kept, with [pool.ErrInUse].
func (c *Client) RemoveRemote(ctx context.Context, name pool.RemoteName) error {
	_, err := c.do(ctx, call{op: api.OpRemoveRemote, at: []string{string(name)}}, nil)
	return err
}

// RenameRemote gives a remote another name. One that the image of a pool comes
// from keeps its name, with [pool.ErrInUse].
func (c *Client) RenameRemote(ctx context.Context, name, to pool.RemoteName) (*pool.Remote, error) {
	if to == "" {
		return nil, to.Validate()
	}
	return c.remote(ctx, call{op: api.OpPatchRemote, at: []string{string(name)}, in: api.EditRemote{Name: to}})
}

// SetRemoteURL tells where a remote is now. It must show the certificate that it
// showed before.
func (c *Client) SetRemoteURL(ctx context.Context, name pool.RemoteName, url string) (*pool.Remote, error) {
	if url == "" {
		return nil, pool.ValidateRemoteURL(url)
	}
	return c.remote(ctx, call{op: api.OpPatchRemote, at: []string{string(name)}, in: api.EditRemote{URL: url}})
}

func (c *Client) remote(ctx context.Context, what call) (*pool.Remote, error) {
	var r pool.Remote
	if _, err := c.do(ctx, what, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

package client

import (
	"context"
	"net/http"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Version returns what answers, and whom it takes the caller for.
func (c *Client) Version(ctx context.Context) (*api.Version, error) {
	var v api.Version
	if _, err := c.do(ctx, call{op: api.OpGetVersion}, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// Reload has the daemon read its configuration again. On error nothing has
// changed. The answer names what waits for a restart.
func (c *Client) Reload(ctx context.Context) (*api.Reloaded, error) {
	var answer api.Reloaded
	if _, err := c.do(ctx, call{op: api.OpReload}, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// Health returns nil when the daemon serves and LXD answers, else what is
// wrong. The error is about asking.
func (c *Client) Health(ctx context.Context) ([]pool.Problem, error) {
	var h api.Health
	if _, err := c.do(ctx, call{op: api.OpGetHealth, also: http.StatusServiceUnavailable}, &h); err != nil {
		return nil, err
	}
	return h.Problems, nil
}

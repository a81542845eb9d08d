package client

import (
	"context"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// CreateToken makes a named token. Its secret is in the answer and cannot be
// read again.
func (c *Client) CreateToken(ctx context.Context, n pool.NewToken) (*api.MadeToken, error) {
	made := new(api.MadeToken)
	_, err := c.do(ctx, call{op: api.OpCreateToken, in: n}, made)
	return made, err
}

// Tokens lists the named tokens by name, those that have ended too.
func (c *Client) Tokens(ctx context.Context) ([]pool.NamedToken, error) {
	var list []pool.NamedToken
	_, err := c.do(ctx, call{op: api.OpListTokens}, &list)
	return list, err
}

// TokenNamed returns one, or [pool.ErrNotFound].
func (c *Client) TokenNamed(ctx context.Context, name string) (*pool.NamedToken, error) {
	n := new(pool.NamedToken)
	_, err := c.do(ctx, call{op: api.OpGetToken, at: []string{name}}, n)
	return n, err
}

// RevokeToken ends a token and what its users have under way, and with leases
// also the leases of its holder. Revoked twice is revoked.
func (c *Client) RevokeToken(ctx context.Context, name string, leases bool) (*pool.NamedToken, error) {
	what := call{op: api.OpRevokeToken, at: []string{name}}
	if leases {
		what.query = url.Values{"leases": {"true"}}
	}
	n := new(pool.NamedToken)
	_, err := c.do(ctx, what, n)
	return n, err
}

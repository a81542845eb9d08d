package client

import (
	"context"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Why explains a pool, a lease or an instance; "" explains every pool that has
// a problem.
func (c *Client) Why(ctx context.Context, subject string) ([]pool.Explanation, error) {
	what := call{op: api.OpWhyAll}
	switch {
	case strings.Contains(subject, "."): // a lease, which its token is enough for
		what = call{op: api.OpWhyLease, at: []string{subject}}
	case subject != "":
		what = call{op: api.OpWhy, at: []string{subject}}
	}
	var list []pool.Explanation
	_, err := c.do(ctx, what, &list)
	return list, err
}

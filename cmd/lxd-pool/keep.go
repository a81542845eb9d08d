package main

import (
	"context"
	"errors"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// keep renews a lease until ctx or the lease ends. A renewal that fails is
// repeated well before the lease expires.
func (c *cli) keep(ctx context.Context, l *api.Lease, ttl pool.Duration) {
	for expires := l.Expires; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(time.Until(expires)/3, 100*time.Millisecond)):
		}
		renewed, err := c.client().Renew(ctx, l.ID, ttl)
		switch {
		case err == nil:
			expires = renewed.Expires
		case errors.Is(err, pool.ErrLeaseEnded), errors.Is(err, pool.ErrNoLease):
			return
		}
	}
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) refill() *cobra.Command {
	return c.onPools(&cobra.Command{
		Use:   "refill POOL...",
		Short: "Try again at once what has failed in a pool",
		Long: `Try again at once what has failed in a pool, once its cause is mended: to make and
start instances, to delete those that could not be, to look up the image, to reach
LXD. By itself lxd-pool tries later and later, at most two minutes apart, or five
for what cannot be deleted. The command does not wait for what comes of it.`,
		Example: "  lxd-pool refill ci",
	}, func(ctx context.Context, name pool.PoolName) error { return c.client().RefillPool(ctx, name) })
}

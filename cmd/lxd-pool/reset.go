package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) reset() *cobra.Command {
	return c.onPools(&cobra.Command{
		Use:   "reset POOL...",
		Short: "Replace every instance of a pool",
		Long: `Replace every instance of a pool: those that nobody has at once, and leased ones
when their leases end. The command does not wait for that.`,
		Example: "  lxd-pool reset ci",
	}, func(ctx context.Context, name pool.PoolName) error { return c.client().ResetPool(ctx, name) })
}

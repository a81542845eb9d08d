package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) delete() *cobra.Command {
	force := false
	cmd := c.onPools(&cobra.Command{
		Use:   "delete POOL...",
		Short: "Delete a pool and its instances",
		Long: `Delete a pool and its instances. The command returns when they are gone; when it is
interrupted the deletion goes on. A pool with leases is left as it is, unless --force
revokes them.`,
		Example: `  lxd-pool delete ci
  lxd-pool delete ci --force`,
	}, func(ctx context.Context, name pool.PoolName) error {
		ctx, done := c.told(ctx, "deleting the instances of pool "+string(name))
		defer done()
		return c.client().DeletePool(ctx, name, force)
	})
	cmd.Flags().BoolVarP(&force, "force", "f", false, "revoke the leases of the pool")
	return cmd
}

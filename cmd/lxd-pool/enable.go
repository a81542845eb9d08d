package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) enable() *cobra.Command {
	return c.onPools(&cobra.Command{
		Use:     "enable POOL...",
		Short:   "Give leases again",
		Example: "  lxd-pool enable ci",
	}, func(ctx context.Context, name pool.PoolName) error { return c.client().EnablePool(ctx, name) })
}

func (c *cli) disable() *cobra.Command {
	return c.onPools(&cobra.Command{
		Use:   "disable POOL...",
		Short: "Give no new leases",
		Long: `Give no new leases, also not to those that wait. What is ready is kept, and leases
go on.`,
		Example: "  lxd-pool disable ci",
	}, func(ctx context.Context, name pool.PoolName) error { return c.client().DisablePool(ctx, name) })
}

// onPools makes a command that does something to each pool that it is given.
func (c *cli) onPools(cmd *cobra.Command, do func(context.Context, pool.PoolName) error) *cobra.Command {
	cmd.Args = atLeast(1)
	cmd.ValidArgsFunction = completing(-1, c.poolNames)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(name string) error { return do(ctx, pool.PoolName(name)) })
	})
	return cmd
}

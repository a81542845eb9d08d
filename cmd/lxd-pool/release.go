package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) release() *cobra.Command {
	return &cobra.Command{
		Use:   "release LEASE...",
		Short: "Give leased instances back",
		Long: `Give leased instances back. The command returns when the lease has ended; the
instance is cleaned behind it. Releasing twice is no error.`,
		Example: `  lxd-pool release ci.k3v9q0z5tm
  # With nothing but the token.
  LXD_POOL_TOKEN=lpt_... lxd-pool release ci.k3v9q0z5tm`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.leaseNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			return c.each(ctx, args, func(id string) error {
				_, err := c.client().Release(ctx, pool.LeaseID(id))
				return err
			})
		}),
	}
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) revoke() *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use:   "revoke LEASE...",
		Short: "Take leased instances back, as an operator",
		Long: `Take leased instances back from their holders. What runs in them is cut off, and the
holder is told the reason.`,
		Example:           `  lxd-pool revoke ci.k3v9q0z5tm --reason "the host is going down"`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.leaseNames),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the holder to read (needed)")
	kinds(cmd.Flags(), "reason", "TEXT")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if reason == "" {
			return usageError{"it takes --reason TEXT, for the holder to read", cmd}
		}
		return c.each(ctx, args, func(id string) error {
			_, err := c.client().Revoke(ctx, pool.LeaseID(id), reason)
			return err
		})
	})
	return cmd
}

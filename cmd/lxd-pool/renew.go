package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) renew() *cobra.Command {
	var ttl pool.Duration
	cmd := &cobra.Command{
		Use:   "renew LEASE...",
		Short: "Keep leases for longer",
		Long: `Move the end of leases to --ttl from now, which can also be sooner than before. The
pool's max-ttl, counted from the grant, bounds it: what is printed is what was given.`,
		Example: `  lxd-pool renew ci.k3v9q0z5tm
  lxd-pool renew ci.k3v9q0z5tm --ttl 2h`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.leaseNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			return c.each(ctx, args, func(id string) error {
				l, err := c.client().Renew(ctx, pool.LeaseID(id), ttl)
				if err == nil && !c.quiet {
					fmt.Fprintf(c.out, "Lease %s expires %s, %s.\n", l.ID, when(l.Expires), fromNow(l.Expires))
				}
				return err
			})
		}),
	}
	cmd.Flags().Var(durationValue{duration: &ttl}, "ttl", "how long they last from now (default: the pool's ttl)")
	return cmd
}

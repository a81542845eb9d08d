package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) hold() *cobra.Command {
	var long pool.Duration
	reason := ""
	cmd := &cobra.Command{
		Use:   "hold LEASE",
		Short: "Keep the instance of a lease for a look after its end",
		Long: `Keep the instance of a lease for a look: when the lease ends, it is neither reset nor
deleted before --for is over. It counts against the pool's max, and a pool holds at
most max-holds at once.`,
		Example:           `  lxd-pool hold ci.k3v9q0z5tm --for 2h --reason "test 17 crashed the kernel"`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	cmd.Flags().Var(durationValue{duration: &long}, "for", "how long to keep it, from now (needed)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for others to read (needed)")
	kinds(cmd.Flags(), "reason", "TEXT")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if !cmd.Flags().Changed("for") || reason == "" {
			return usageError{"it takes --for DURATION and --reason TEXT", cmd}
		}
		l, err := c.client().Hold(ctx, pool.LeaseID(args[0]), long, reason)
		if err == nil && !c.quiet {
			fmt.Fprintf(c.out, "Instance %s is kept until %s.\n", l.Instance, when(time.Now().Add(time.Duration(long))))
		}
		return err
	})
	return cmd
}

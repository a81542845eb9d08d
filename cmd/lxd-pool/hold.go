package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) hold() *cobra.Command {
	var long pool.Duration
	reason, end := "", false
	cmd := &cobra.Command{
		Use:   "hold LEASE",
		Short: "Keep the instance of a lease for a look after its end",
		Long: `Keep the instance of a lease for a look: when the lease ends, it is neither reset nor
deleted before --for is over. It counts against the pool's max, and a pool holds at
most max-holds at once.

With --end the hold is over now, and the instance is cleaned if its lease has ended.
Then the instance may be named instead of the lease.`,
		Example: `  lxd-pool hold ci.k3v9q0z5tm --for 2h --reason "test 17 crashed the kernel"
  lxd-pool hold ci.k3v9q0z5tm --end`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames, c.heldNames),
	}
	cmd.Flags().Var(durationValue{duration: &long}, "for", "how long to keep it, from now (needed)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for others to read (needed)")
	cmd.Flags().BoolVar(&end, "end", false, "end the hold")
	kinds(cmd.Flags(), "reason", "TEXT")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		begin := cmd.Flags().Changed("for") || reason != ""
		switch {
		case end && begin:
			return usageError{"--end takes neither --for nor --reason", cmd}
		case end:
			return c.endHold(ctx, args[0])
		case !cmd.Flags().Changed("for") || reason == "":
			return usageError{"it takes --for DURATION and --reason TEXT, or --end", cmd}
		}
		l, err := c.client().Hold(ctx, pool.LeaseID(args[0]), long, reason)
		if err == nil && !c.quiet {
			fmt.Fprintf(c.out, "Instance %s is kept until %s.\n", l.Instance, when(time.Now().Add(time.Duration(long))))
		}
		return err
	})
	return cmd
}

// endHold ends the hold of a lease, or that on an instance.
func (c *cli) endHold(ctx context.Context, name string) error {
	id := pool.LeaseID(name)
	if !strings.Contains(name, ".") {
		var err error
		if id, err = c.heldBy(ctx, pool.InstanceName(name)); err != nil {
			return err
		}
	}
	l, err := c.client().EndHold(ctx, id)
	if err == nil && !c.quiet {
		fmt.Fprintf(c.out, "Instance %s is no longer kept.\n", l.Instance)
	}
	return err
}

// heldBy returns the lease for which an instance is held.
func (c *cli) heldBy(ctx context.Context, name pool.InstanceName) (pool.LeaseID, error) {
	all, err := c.client().Instances(ctx, "")
	if err != nil {
		return "", err
	}
	for _, in := range all {
		if in.Name == name && in.Hold != nil {
			return in.Hold.Lease, nil
		}
	}
	return "", pool.Errorf(pool.ErrNoInstance, `see "lxd-pool status"`, "cannot end the hold of %q: no instance of that name is held", string(name))
}

func (c *cli) heldNames(ctx context.Context) []string {
	all, err := c.client().Instances(ctx, "")
	if err != nil {
		return nil
	}
	var list []string
	for _, in := range all {
		if in.Hold != nil {
			list = append(list, string(in.Name))
		}
	}
	return list
}

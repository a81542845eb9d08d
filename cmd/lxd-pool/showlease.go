package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) showLease() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show-lease LEASE...",
		Short: "Show leases, for a day also after their end",
		Example: `  lxd-pool show-lease ci.k3v9q0z5tm
  lxd-pool show-lease ci.k3v9q0z5tm -f json`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.leaseNames),
	}
	format := formatFlag(cmd, append([]string{asText}, listFormats...)...)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		var found []*api.Lease
		err := c.each(ctx, args, func(id string) error {
			l, err := c.client().Lease(ctx, pool.LeaseID(id))
			if err == nil {
				found = append(found, l)
			}
			return err
		})
		if len(found) == 0 {
			return err
		}
		if printErr := c.printFound(found, format, len(args) > 1); printErr != nil {
			return printErr
		}
		return err
	})
	return cmd
}

func (c *cli) printFound(leases []*api.Lease, format *formatValue, asList bool) error {
	if c.quiet || format.name != asText {
		return c.printLeases(leases, format, asList)
	}
	for i, l := range leases {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		c.describe(l)
	}
	return nil
}

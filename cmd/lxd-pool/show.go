package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) show() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show POOL",
		Short: "Show a pool: spec, counts and problems",
		Long: `Show a pool: its spec as it was written, how many instances stand in each of the
seven states, how many are waited for, and what is wrong.`,
		Example: `  lxd-pool show ci
  lxd-pool show ci -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.poolNames),
	}
	format := formatFlag(cmd, asYAML, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		p, err := c.client().Pool(ctx, pool.PoolName(args[0]))
		if err != nil {
			return err
		}
		_, err = format.print(c.out, p)
		return err
	})
	return cmd
}

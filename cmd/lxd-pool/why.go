package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) why() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "why [POOL|LEASE|INSTANCE]",
		Short: "Explain why something is as it is",
		Long: `Explain why requests wait or a pool is not full, what became of a lease or an
instance, who holds what since when, and what would change it. Without a name it
explains every pool that has a problem.`,
		Example: `  lxd-pool why
  lxd-pool why ci`,
		Args:              between(0, 1),
		ValidArgsFunction: completing(1, c.poolNames, c.leaseNames, c.instanceNames),
	}
	format := formatFlag(cmd, asText, asJSON, asYAML)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		list, err := c.client().Why(ctx, first(args))
		if err != nil {
			return err
		}
		if done, err := format.print(c.out, orEmpty(list)); done {
			return err
		}
		c.printWhy(list)
		return nil
	})
	return cmd
}

func (c *cli) printWhy(list []pool.Explanation) {
	if len(list) == 0 {
		fmt.Fprintln(c.out, "No pool has a problem.")
	}
	for i, e := range list {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintln(c.out, sentence(e.Summary)+".")
		for _, fact := range e.Facts {
			fmt.Fprintf(c.out, "  - %s\n", fact)
		}
		for _, fact := range e.Leases {
			fmt.Fprintf(c.out, "  - %s\n", fact.Text)
		}
		printNext(c.out, "", e.Next)
	}
}

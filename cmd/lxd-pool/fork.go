package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) fork() *cobra.Command {
	wish := pool.ForkRequest{}
	cmd := &cobra.Command{
		Use:   "fork LEASE",
		Short: "Lease copies of a leased instance",
		Long: `Lease copies of a leased instance as it is at that moment, all of them or none. They
start as it would after its plug was pulled: with its files, without its processes and
snapshots. They have the holder, the purpose and the environment of the first lease and
count against the pool's max; instances that are nobody's give way to them. Each is a
lease like any other, and its instance is replaced after it.`,
		Example: `  # Prepare one machine, then try three things from there.
  lxd-pool exec ci.k3v9q0z5tm -- ./prepare.sh
  lxd-pool fork ci.k3v9q0z5tm -n 3`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	flags := cmd.Flags()
	flags.IntVarP(&wish.Count, "count", "n", 1, "how many copies, all or none")
	flags.Var(durationValue{duration: &wish.TTL}, "ttl", "how long each lease lasts, counted from its grant (default: the pool's ttl)")
	flags.Var((*requestValue)(&wish.Request), "request-id", "name of this request, so that asking again gets the same leases")
	kinds(flags, "count", "N")
	format := formatFlag(cmd, append([]string{asText}, listFormats...)...)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		wish.Lease = pool.LeaseID(args[0])
		if err := checkCount(wish.Count); err != nil {
			return err
		}
		p := c.progress("copying the instance of "+args[0], 0)
		leases, err := c.client().Fork(ctx, wish)
		p.done()
		if err != nil {
			return err
		}
		return c.printAcquired(leases, format, flags.Changed("count"))
	})
	return cmd
}

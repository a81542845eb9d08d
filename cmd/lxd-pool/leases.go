package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

func (c *cli) leases() *cobra.Command {
	filter := client.LeaseFilter{}
	cmd := &cobra.Command{
		Use:   "leases [POOL]",
		Short: "List the running leases",
		Long: `List the running leases of a pool, or of all, oldest first. Those who do not operate
the daemon see their own.`,
		Example: `  lxd-pool leases
  lxd-pool leases ci --mine -f csv -c ie
  lxd-pool leases --holder user:alice -q`,
		Args:              between(0, 1),
		ValidArgsFunction: completing(1, c.poolNames),
	}
	l := newListing(cmd, leaseID, leaseColumns...)
	flags := cmd.Flags()
	flags.BoolVar(&filter.Mine, "mine", false, "only one's own")
	flags.StringVar((*string)(&filter.Holder), "holder", "", "only those of this holder")
	kinds(flags, "holder", "HOLDER")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		filter.Pool = pool.PoolName(first(args))
		list, err := c.client().FindLeases(ctx, filter)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func leaseID(l *api.Lease) string { return string(l.ID) }

var leaseColumns = []column[*api.Lease]{
	{'i', "ID", leaseID},
	{'n', "INSTANCE", func(l *api.Lease) string { return string(l.Instance) }},
	{'h', "HOLDER", func(l *api.Lease) string { return string(l.Holder) }},
	{'p', "PURPOSE", func(l *api.Lease) string { return l.Purpose }},
	{'a', "ADDRESS", func(l *api.Lease) string { return addresses(l.Addresses) }},
	{'e', "EXPIRES", func(l *api.Lease) string { return when(l.Expires) }},
}

// printLeases prints leases in any form but text: one alone as one, unless a
// list is wanted.
func (c *cli) printLeases(leases []*api.Lease, format *formatValue, asList bool) error {
	if len(leases) == 1 && !asList {
		if done, err := format.print(c.out, leases[0]); done {
			return err
		}
	}
	l := &listing[*api.Lease]{columns: leaseColumns, id: leaseID, format: format}
	for _, col := range leaseColumns {
		l.chosen.letters += string(col.letter)
	}
	return l.print(c, leases)
}

package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) instances() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "instances [POOL]",
		Short: "List the instances",
		Long: `List the instances of a pool, or of all. Those who do not operate the daemon see
the instances that they lease.`,
		Example: `  lxd-pool instances
  lxd-pool instances ci -f json`,
		Args:              between(0, 1),
		ValidArgsFunction: completing(1, c.poolNames),
	}
	l := newListing(cmd, func(in *api.Instance) string { return string(in.Name) },
		column[*api.Instance]{'n', "NAME", func(in *api.Instance) string { return string(in.Name) }},
		column[*api.Instance]{'p', "POOL", func(in *api.Instance) string { return string(in.Pool) }},
		column[*api.Instance]{'s', "STATE", func(in *api.Instance) string { return in.State.String() }},
		column[*api.Instance]{'t', "SINCE", func(in *api.Instance) string { return when(in.Since) }},
		column[*api.Instance]{'a', "ADDRESS", func(in *api.Instance) string { return addresses(in.Addresses) }},
		column[*api.Instance]{'L', "LOCATION", func(in *api.Instance) string { return in.Location }},
		column[*api.Instance]{'l', "LEASE", func(in *api.Instance) string { return string(in.Lease) }},
		column[*api.Instance]{'u', "USES", func(in *api.Instance) string { return strconv.Itoa(in.Uses) }},
		column[*api.Instance]{'r', "REASON", reason},
	)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		list, err := c.client().Instances(ctx, pool.PoolName(first(args)))
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

// reason is why an instance goes, or why it is kept.
func reason(in *api.Instance) string {
	if in.Hold != nil {
		return "held until " + when(in.Hold.Until) + ": " + in.Hold.Reason
	}
	return string(in.Reason)
}

// addresses writes addresses with their interfaces, one on a line.
func addresses(list []pool.Address) string {
	lines := make([]string, len(list))
	for i, a := range list {
		lines[i] = a.Address + " (" + a.Interface + ")"
	}
	return strings.Join(lines, "\n")
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) move() *cobra.Command {
	var to pool.Destination
	cmd := &cobra.Command{
		Use:   "move LEASE [REMOTE:]",
		Short: "Move a leased instance to another cluster member or another LXD",
		Long: `Move a leased instance to another cluster member, or to another LXD that is known as a
remote; local: is the LXD of its pool. The lease stays the same, with its id, token and
end, and so do the files and snapshots of the instance. It is stopped for the move and
started again if it ran; commands in it end. It may have other addresses then: they are
in the answer and in "lxd-pool show-lease". When it cannot be moved, and on Ctrl-C, it is
where it was and runs again. After its lease it is replaced.

Holders may move their instances within a cluster, unless their pool is kept on a member.
Moving to another LXD is for operators.`,
		Example: `  lxd-pool move ci.k3v9q0z5tm --target m2
  lxd-pool move ci.k3v9q0z5tm other:
  lxd-pool move ci.k3v9q0z5tm local:`,
		Args:              between(1, 2),
		ValidArgsFunction: c.completeMove,
	}
	cmd.Flags().StringVar(&to.Target, "target", "", "cluster member to move it to")
	kinds(cmd.Flags(), "target", "MEMBER")
	format := formatFlag(cmd, append([]string{asText}, listFormats...)...)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if len(args) == 2 {
			remote, rest, ok := strings.Cut(args[1], ":")
			if !ok || rest != "" || remote == "" {
				return pool.Invalidf(`write the remote with a colon, such as other:`, "cannot move the instance to %q: it is no remote", args[1])
			}
			to.Remote = pool.RemoteName(remote)
		}
		l, err := c.moveOne(ctx, pool.LeaseID(args[0]), to)
		if err != nil {
			return err
		}
		switch {
		case format.name != asText:
			return c.printLeases([]*api.Lease{l}, format, false)
		case !c.quiet:
			fmt.Fprintf(c.out, "Instance %s is at %s.\n", l.Instance, placeOf(l))
		}
		return nil
	})
	return cmd
}

func (c *cli) moveOne(ctx context.Context, id pool.LeaseID, to pool.Destination) (*api.Lease, error) {
	ctx, done := c.told(ctx, "moving the instance of "+string(id))
	defer done()
	return c.client().Move(ctx, id, to)
}

// placeOf says where a leased instance is and how it is reached.
func placeOf(l *api.Lease) string {
	place := cmp.Or(string(l.Remote), string(pool.Local)) + ":"
	if l.Location != "" {
		place += " on member " + l.Location
	}
	for _, a := range l.Addresses {
		place += ", " + a.Address
	}
	return place
}

// completeMove knows the leases, and then the remotes with their colon.
func (c *cli) completeMove(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completing(1, c.leaseNames)(cmd, args, begun)
	}
	return completing(2, func(ctx context.Context) []string {
		names := append(c.remoteNames(ctx), string(pool.Local))
		for i := range names {
			names[i] += ":"
		}
		return names
	})(cmd, args, begun)
}

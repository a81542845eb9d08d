package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) snapshot() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "snapshot",
		Short: "Take snapshots of a leased instance, and go back to them",
		Long: `Take snapshots of a leased instance, and go back to them. They hold its files and its
config, not what runs in it. They belong to the lease and are gone when it ends. A pool
allows each instance as many as its max-snapshots.`,
		Example: `  lxd-pool snapshot create ci.k3v9q0z5tm before
  lxd-pool snapshot restore ci.k3v9q0z5tm before`,
	}, c.snapshotCreate, c.snapshotList, c.snapshotRestore, c.snapshotDelete)
}

func (c *cli) snapshotCreate() *cobra.Command {
	return &cobra.Command{
		Use:   "create LEASE [NAME]",
		Short: "Take a snapshot of a leased instance",
		Long: `Take a snapshot of a leased instance, whether it runs, is paused or is stopped. Without
NAME it is called snap0, or the next number.`,
		Example: `  lxd-pool snapshot create ci.k3v9q0z5tm
  lxd-pool snapshot create ci.k3v9q0z5tm before`,
		Args:              between(1, 2),
		ValidArgsFunction: completing(1, c.leaseNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			var name pool.SnapshotName
			if len(args) > 1 {
				name = pool.SnapshotName(args[1])
				if err := name.Validate(); err != nil { // "" stands for none further on
					return err
				}
			}
			s, err := c.client().CreateSnapshot(ctx, pool.LeaseID(args[0]), name)
			if err != nil {
				return err
			}
			return c.done(string(s.Name), "Snapshot %s was taken.", s.Name)
		}),
	}
}

func (c *cli) snapshotList() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "list LEASE",
		Short:             "List the snapshots of a leased instance, oldest first",
		Example:           `  lxd-pool snapshot list ci.k3v9q0z5tm`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	listing := newListing(cmd, func(s pool.Snapshot) string { return string(s.Name) },
		column[pool.Snapshot]{'n', "NAME", func(s pool.Snapshot) string { return string(s.Name) }},
		column[pool.Snapshot]{'c', "CREATED", func(s pool.Snapshot) string { return when(s.Created) }},
		column[pool.Snapshot]{'s', "SIZE", func(s pool.Snapshot) string { return size(s.Size) }},
	)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		list, err := c.client().Snapshots(ctx, pool.LeaseID(args[0]))
		if err != nil {
			return err
		}
		return listing.print(c, list)
	})
	return cmd
}

func (c *cli) snapshotRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore LEASE NAME",
		Short: "Put a leased instance back to a snapshot",
		Long: `Put a leased instance back to a snapshot: it has the files and the config that it had
then. An instance that runs or is paused is stopped for it and started again, and the
command returns when it is usable. One that is stopped stays so. The snapshots stay.`,
		Example:           `  lxd-pool snapshot restore ci.k3v9q0z5tm before`,
		Args:              exactly(2),
		ValidArgsFunction: c.completeSnapshot,
		RunE: verb(func(ctx context.Context, args []string) error {
			id, name := pool.LeaseID(args[0]), pool.SnapshotName(args[1])
			ctx, done := c.told(ctx, "restoring")
			l, err := c.client().RestoreSnapshot(ctx, id, name)
			done()
			if err == nil && !c.quiet {
				fmt.Fprintf(c.out, "Instance %s is as it was in snapshot %s%s.\n", l.Instance, name, atAddress(l, "runs"))
			}
			return err
		}),
	}
}

func (c *cli) snapshotDelete() *cobra.Command {
	return &cobra.Command{
		Use:               "delete LEASE NAME...",
		Short:             "Delete snapshots of a leased instance",
		Example:           `  lxd-pool snapshot delete ci.k3v9q0z5tm before`,
		Args:              atLeast(2),
		ValidArgsFunction: c.completeSnapshot,
		RunE: verb(func(ctx context.Context, args []string) error {
			return c.each(ctx, args[1:], func(name string) error {
				return c.client().DeleteSnapshot(ctx, pool.LeaseID(args[0]), pool.SnapshotName(name))
			})
		}),
	}
}

// completeSnapshot completes a lease, and then its snapshots.
func (c *cli) completeSnapshot(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completing(1, c.leaseNames)(cmd, args, begun)
	}
	return completing(-1, func(ctx context.Context) []string {
		list, err := c.client().Snapshots(ctx, pool.LeaseID(args[0]))
		if err != nil {
			return nil
		}
		var names []string
		for _, s := range list {
			names = append(names, string(s.Name))
		}
		return names
	})(cmd, args, begun)
}

// size writes a number of bytes, "" when nobody knows it.
func size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(bytes))
}

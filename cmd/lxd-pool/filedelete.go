package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (c *cli) fileDelete() *cobra.Command {
	recursive := false
	cmd := &cobra.Command{
		Use:   "delete LEASE/PATH...",
		Short: "Delete files of a leased instance",
		Long:  `Delete files, links and empty directories of a leased instance. Links are not followed.`,
		Example: `  lxd-pool file delete ci.k3v9q0z5tm/etc/site.conf
  lxd-pool file delete -r ci.k3v9q0z5tm/srv/build`,
		Args:              atLeast(1),
		ValidArgsFunction: c.completePlaces,
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "also directories, with all that is in them")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(arg string) error {
			at, err := parsePlace(arg)
			if err != nil {
				return err
			}
			return c.client().DeleteFile(ctx, at.lease, at.path, recursive)
		})
	})
	return cmd
}

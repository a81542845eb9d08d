package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	versions "github.com/lxd-pool/lxd-pool/cmd/internal/version"
)

func (c *cli) version() *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the versions of lxd-pool and of the daemon",
		Long:              `Print the version of lxd-pool and that of the daemon, and whom the daemon takes you for.`,
		Example:           "  lxd-pool version",
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: verb(func(ctx context.Context, _ []string) error {
			fmt.Fprintf(c.out, "Client version: %s\n", versions.Text(version))
			v, err := c.client().Version(ctx)
			if err != nil {
				fmt.Fprintln(c.out, "Daemon version: unreachable")
				return err
			}
			fmt.Fprintf(c.out, "Daemon version: %s\nYou are: %s (%s)\n", v.Version, cmp.Or(v.Identity, "nobody"), v.Role)
			if v.Fingerprint != "" {
				fmt.Fprintf(c.out, "Fingerprint on the network: %s\n", v.Fingerprint)
			}
			return nil
		}),
	}
}

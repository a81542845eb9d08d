package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) fileList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list LEASE[/PATH]",
		Short: "List files of a leased instance",
		Long: `List what is in a directory of a leased instance, or one file, by name. A name that has
more than letters, signs and spaces is quoted; with -q and in JSON it is as it is.`,
		Example: `  lxd-pool file list ci.k3v9q0z5tm/etc
  lxd-pool file list ci.k3v9q0z5tm/var/log -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.placeNames),
	}
	l := newListing(cmd, func(f *api.File) string { return f.Name }, fileColumns...)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		at, err := parsePlace(args[0])
		if err != nil {
			return err
		}
		list, err := c.client().ListFiles(ctx, at.lease, at.path)
		if err != nil {
			return err
		}
		return l.print(c, api.NewFiles(list))
	})
	return cmd
}

var fileColumns = []column[*api.File]{
	{'n', "NAME", nameAndTarget},
	{'t', "TYPE", func(f *api.File) string { return string(f.Type) }},
	{'m', "MODE", func(f *api.File) string { return f.Mode.String() }},
	{'o', "OWNER", func(f *api.File) string { return fmt.Sprintf("%d:%d", f.UID, f.GID) }},
	{'s', "SIZE", fileSize},
	{'d', "MODIFIED", func(f *api.File) string { return when(f.Modified) }},
}

func nameAndTarget(f *api.File) string {
	if f.Type == pool.Symlink {
		return showName(f.Name) + " -> " + showName(f.Target)
	}
	return showName(f.Name)
}

func fileSize(f *api.File) string {
	if f.Type != pool.RegularFile {
		return ""
	}
	return strconv.FormatInt(f.Size, 10)
}

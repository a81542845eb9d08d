package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) file() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "file",
		Short: "Move files into and out of a leased instance",
		Long: `Move files into and out of a leased instance, list and delete them. A file there is
named LEASE/PATH. The instance may be stopped.`,
		Example: `  lxd-pool file push site.conf ci.k3v9q0z5tm/etc/site.conf --mode 0600
  lxd-pool file pull ci.k3v9q0z5tm/var/log/syslog .
  lxd-pool file push -r ./src ci.k3v9q0z5tm/srv/
  lxd-pool file pull -r ci.k3v9q0z5tm/srv/build ./out`,
	}, c.filePull, c.filePush, c.fileList, c.fileDelete)
}

// place is a file in a leased instance, as LEASE/PATH.
type place struct {
	lease pool.LeaseID
	path  string
}

// parsePlace splits it. A lease alone is what is in "/".
func parsePlace(text string) (place, error) {
	lease, rest, _ := strings.Cut(text, "/")
	if lease == "" || lease == "." || lease == ".." {
		return place{}, pool.Invalidf("write it as LEASE/PATH", "cannot use %q: it does not say of which lease", text)
	}
	return place{pool.LeaseID(lease), "/" + rest}, nil
}

// isFolder reports whether the text of a path says that it is one of a folder.
func isFolder(path string) bool { return strings.HasSuffix(path, "/") }

// placeNames completes leases, with a slash behind them.
func (c *cli) placeNames(ctx context.Context) []string {
	names := c.leaseNames(ctx)
	for i := range names {
		names[i] += "/"
	}
	return names
}

// completePlaces completes arguments that are leases or files of this machine.
func (c *cli) completePlaces(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, _ := completing(-1, c.placeNames)(cmd, args, begun)
	return list, cobra.ShellCompDirectiveNoSpace
}

// note tells of what a transfer left out.
func (c *cli) note(sum pool.Transfer) {
	for _, s := range sum.Skipped {
		fmt.Fprintf(c.err, "Note: left out %s: %s\n", showName(s.Path), s.Why)
	}
	if sum.SkippedMore > 0 {
		fmt.Fprintf(c.err, "Note: left out %d more\n", sum.SkippedMore)
	}
}

// showName is a name as it can be shown: one that has more than letters, signs
// and spaces is quoted.
func showName(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` && !(strings.ContainsAny(name, `"\`) && strings.IndexFunc(name, unprintable) < 0) {
		return quoted
	}
	return name
}

func unprintable(r rune) bool { return !strconv.IsPrint(r) || r == '\uFFFD' }

// ownerFlags are the mode and the owner that a file gets.
type ownerFlags struct {
	mode     string
	uid, gid int
	flags    *pflag.FlagSet
}

func newOwnerFlags(cmd *cobra.Command) *ownerFlags {
	o := &ownerFlags{flags: cmd.Flags()}
	o.flags.StringVar(&o.mode, "mode", "", "permissions in octal (default: those of the source; of standard input 0644)")
	o.flags.IntVar(&o.uid, "uid", -1, "number of the owner (default: that of the source; of standard input 0)")
	o.flags.IntVar(&o.gid, "gid", -1, "number of the group (default: that of the source; of standard input 0)")
	kinds(o.flags, "mode", "MODE", "uid", "UID", "gid", "GID")
	for _, name := range []string{"uid", "gid"} {
		o.flags.Lookup(name).DefValue = ""
	}
	return o
}

// options returns what was said, over what a source has.
func (o *ownerFlags) options(of pool.PushOptions) (pool.PushOptions, error) {
	if o.mode != "" {
		mode, err := pool.ParseFileMode(o.mode)
		if err != nil {
			return of, err
		}
		of.Mode = &mode
	}
	for _, owner := range []struct {
		name string
		n    int
		to   **int
	}{{"uid", o.uid, &of.UID}, {"gid", o.gid, &of.GID}} {
		if !o.flags.Changed(owner.name) {
			continue
		}
		if owner.n < 0 {
			return of, pool.Invalidf("", "cannot use --%s=%d: it is the number of an owner", owner.name, owner.n)
		}
		*owner.to = &owner.n
	}
	return of, nil
}

// ownSide says in one line what is wrong with a file of this machine.
func ownSide(doing, path string, err error) error {
	if inner, ok := errors.AsType[*os.PathError](err); ok {
		err = inner.Err
	}
	if inner, ok := errors.AsType[*os.LinkError](err); ok {
		err = inner.Err
	}
	return pool.Invalidf("", "cannot %s %s: %w", doing, path, err)
}

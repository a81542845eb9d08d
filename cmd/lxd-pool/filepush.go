package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/folder"
)

// pushing is what the user says of a push.
type pushing struct {
	recursive, parents bool
	owner              *ownerFlags
}

func (c *cli) filePush() *cobra.Command {
	var o pushing
	cmd := &cobra.Command{
		Use:   "push SOURCE... LEASE/PATH",
		Short: "Copy files into a leased instance",
		Long: `Copy files into a leased instance. SOURCE is a file, or "-" for standard input. PATH is
that of the file, or of a directory that there is; of several sources and with a slash at
its end it is a directory in any case. A file is there whole or not at all.

With -r SOURCE may be a folder, PATH is a directory, and modes, owners, times and links are
kept; links are not followed. With "-" standard input is a tar stream. Files that have come
before something goes wrong stay.`,
		Example: `  lxd-pool file push site.conf ci.k3v9q0z5tm/etc/site.conf --mode 0600 --uid 0 --gid 0
  lxd-pool file push *.deb ci.k3v9q0z5tm/root/debs/ -p
  echo hello | lxd-pool file push - ci.k3v9q0z5tm/tmp/greeting
  lxd-pool file push -r ./src ci.k3v9q0z5tm/srv`,
		Args:              atLeast(2),
		ValidArgsFunction: c.completePlaces,
	}
	cmd.Flags().BoolVarP(&o.recursive, "recursive", "r", false, "also folders, with all that is in them")
	cmd.Flags().BoolVarP(&o.parents, "create-dirs", "p", false, "make the directories of PATH that are missing")
	o.owner = newOwnerFlags(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		sources := args[:len(args)-1]
		to, err := parsePlace(args[len(args)-1])
		if err != nil {
			return err
		}
		ctx, done := c.told(ctx, "pushing to "+args[len(args)-1])
		defer done()
		if o.recursive {
			return c.pushTree(ctx, sources, to, o)
		}
		several := len(sources) > 1
		return c.each(ctx, sources, func(source string) error { return c.pushFile(ctx, source, to, several, o) })
	})
	return cmd
}

func (c *cli) pushFile(ctx context.Context, source string, to place, several bool, o pushing) error {
	inner := place{to.lease, path.Join(to.path, filepath.Base(source))}
	if isFolder(to.path) || several {
		if source == "-" {
			return pool.Invalidf("add a name for it", "cannot push standard input to %s: it is the path of a directory", to.path)
		}
		to = inner
	}
	err := c.pushTo(ctx, source, to, o)
	if errors.Is(err, pool.ErrInvalid) && source != "-" && to != inner && c.isDirectory(ctx, to) {
		return c.pushTo(ctx, source, inner, o)
	}
	return err
}

func (c *cli) pushTo(ctx context.Context, source string, to place, o pushing) error {
	from, options, err := c.openSource(source)
	if err != nil {
		return err
	}
	if from != c.in {
		defer from.Close()
	}
	if options, err = o.owner.options(options); err != nil {
		return err
	}
	options.Parents = o.parents
	return c.client().PushFile(ctx, to.lease, to.path, from, options)
}

func (c *cli) isDirectory(ctx context.Context, at place) bool {
	list, err := c.client().ListFiles(ctx, at.lease, at.path)
	return err == nil && (len(list) != 1 || list[0].Name != path.Base(at.path) || list[0].Type == pool.Directory)
}

// openSource opens a file of this machine, and tells what it passes on.
func (c *cli) openSource(source string) (*os.File, pool.PushOptions, error) {
	if source == "-" {
		return c.in, pool.PushOptions{}, nil
	}
	f, err := os.Open(source)
	if err != nil {
		return nil, pool.PushOptions{}, ownSide("read", source, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		f.Close()
		return nil, pool.PushOptions{}, pool.Invalidf("push it with all that is in it (-r)", "cannot push %s: it is a directory", source)
	}
	if err != nil {
		f.Close()
		return nil, pool.PushOptions{}, ownSide("read", source, err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	mode, uid, gid := pool.FileMode(stat.Mode)&pool.ModeBits, int(stat.Uid), int(stat.Gid)
	return f, pool.PushOptions{Mode: &mode, UID: &uid, GID: &gid}, nil
}

func (c *cli) pushTree(ctx context.Context, sources []string, to place, o pushing) error {
	options, err := o.owner.options(pool.PushOptions{Parents: o.parents})
	if err != nil {
		return err
	}
	if options.Mode != nil {
		return pool.Invalidf("leave --mode out", "cannot push with -r and --mode: every file has a mode of its own")
	}
	if len(sources) == 1 && sources[0] == "-" {
		sum, err := c.client().PushTree(ctx, to.lease, to.path, c.in, options)
		c.note(sum)
		return err
	}
	for _, source := range sources {
		if _, err := os.Lstat(source); err != nil {
			return ownSide("read", source, err)
		}
	}
	packing, cancel := context.WithCancelCause(ctx)
	out, in := io.Pipe()
	packed := make(chan pool.Transfer, 1)
	go func() {
		buffered := bufio.NewWriterSize(in, 1<<20)
		sum, err := folder.Pack(packing, buffered, sources...)
		if err == nil {
			err = buffered.Flush()
		}
		in.CloseWithError(err)
		packed <- sum
	}()
	sum, err := c.client().PushTree(ctx, to.lease, to.path, out, options)
	cancel(err)
	out.CloseWithError(io.ErrClosedPipe)
	c.note(<-packed)
	c.note(sum)
	return err
}

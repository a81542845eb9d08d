package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/folder"
)

// pulling is what the user says of a pull.
type pulling struct {
	recursive, parents bool
}

func (c *cli) filePull() *cobra.Command {
	var o pulling
	cmd := &cobra.Command{
		Use:   "pull LEASE/PATH... TARGET",
		Short: "Copy files out of a leased instance",
		Long: `Copy files out of a leased instance. TARGET is a file or a folder, or "-" for standard
output. A file is there whole or not at all.

With -r TARGET is a folder, which is made if it is missing. Links are copied as links and
never followed; nothing is written outside of TARGET. Owners are kept for root; set-uid,
set-gid and sticky bits are dropped. Fifos, sockets and devices are left out. With "-" a
tar stream is written that has everything as it is.`,
		Example: `  lxd-pool file pull ci.k3v9q0z5tm/etc/os-release .
  lxd-pool file pull ci.k3v9q0z5tm/var/log/syslog - | grep error
  lxd-pool file pull -r ci.k3v9q0z5tm/srv/build ./out
  lxd-pool file pull -r ci.k3v9q0z5tm/srv - > srv.tar`,
		Args:              atLeast(2),
		ValidArgsFunction: c.completePlaces,
	}
	cmd.Flags().BoolVarP(&o.recursive, "recursive", "r", false, "also directories, with all that is in them")
	cmd.Flags().BoolVarP(&o.parents, "create-dirs", "p", false, "make the folders above TARGET that are missing")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		sources, target := args[:len(args)-1], args[len(args)-1]
		if target == "-" && len(sources) > 1 {
			return pool.Invalidf("pull them one after the other", "cannot write more than one source to standard output")
		}
		into, err := o.prepare(target, len(sources) > 1)
		if err != nil {
			return err
		}
		return c.each(ctx, sources, func(source string) error {
			from, err := parsePlace(source)
			if err != nil {
				return err
			}
			ctx, done := c.told(ctx, "pulling "+source)
			defer done()
			if o.recursive {
				return c.pullTree(ctx, from, target)
			}
			return c.pullFile(ctx, from, target, into)
		})
	})
	return cmd
}

// prepare makes the folders that there have to be, and reports whether the
// target is one.
func (o pulling) prepare(target string, several bool) (into bool, err error) {
	if target == "-" {
		return false, nil
	}
	if o.recursive || several || isFolder(target) {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return false, ownSide("make folder", target, err)
		}
		return true, nil
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return true, nil
	}
	if o.parents {
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return false, ownSide("make folder", filepath.Dir(target), err)
		}
	}
	return false, nil
}

func (c *cli) pullFile(ctx context.Context, from place, target string, into bool) (err error) {
	if target == "-" {
		return c.client().PullFile(ctx, from.lease, from.path, func(pool.File) (io.Writer, error) { return c.out, nil })
	}
	if into {
		target = filepath.Join(target, path.Base(from.path))
	}
	var d *draft
	err = c.client().PullFile(ctx, from.lease, from.path, func(f pool.File) (w io.Writer, err error) {
		d, err = newDraft(target, fs.FileMode(f.Mode)&fs.ModePerm)
		return d, err
	})
	if d != nil {
		err = d.end(err)
	}
	return err
}

// draft is a file of this machine that is written beside its place.
type draft struct {
	*os.File
	// to is its place, "" when it is written there.
	to string
}

// newDraft begins a file. What is there and is no regular file, such as a
// device, is written to as it is.
func newDraft(target string, mode fs.FileMode) (*draft, error) {
	info, err := os.Stat(target) // a link of one's own is followed
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, ownSide("write", target, err)
	case info.IsDir():
		return nil, pool.Invalidf("", "cannot write %s: there is a directory", target)
	case !info.Mode().IsRegular():
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return nil, ownSide("write", target, err)
		}
		return &draft{f, ""}, nil
	default:
		if target, err = filepath.EvalSymlinks(target); err != nil {
			return nil, ownSide("write", target, err)
		}
	}
	f, err := os.OpenFile(filepath.Join(filepath.Dir(target), ".lxd-pool-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err != nil {
		return nil, ownSide("write", target, err)
	}
	return &draft{f, target}, nil
}

// Write says which file cannot be written.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.File.Write(p)
	if err != nil {
		err = ownSide("write", d.to, err)
	}
	return n, err
}

// end puts the file in its place, or takes it away after an error.
func (d *draft) end(err error) error {
	if closed := d.Close(); err == nil && closed != nil {
		err = ownSide("write", d.to, closed)
	}
	if d.to == "" {
		return err
	}
	if err == nil {
		if err = os.Rename(d.Name(), d.to); err == nil {
			return nil
		}
		err = ownSide("write", d.to, err)
	}
	os.Remove(d.Name())
	return err
}

func (c *cli) pullTree(ctx context.Context, from place, target string) error {
	if target == "-" {
		sum, err := c.client().PullTree(ctx, from.lease, from.path, c.out)
		c.note(sum)
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, in := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		sum, err := folder.Unpack(ctx, bufio.NewReaderSize(out, 1<<20), target, folder.Options{Owners: os.Geteuid() == 0})
		c.note(sum)
		if err == nil {
			_, err = io.Copy(io.Discard, out) // what pads the end
		}
		out.CloseWithError(err)
		unpacked <- err
	}()
	sum, err := c.client().PullTree(ctx, from.lease, from.path, in)
	in.CloseWithError(err)
	if failed := <-unpacked; failed != nil {
		return failed // it may be the other's, come through the pipe
	}
	c.note(sum)
	return err
}

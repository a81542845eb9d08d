package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) imageImport() *cobra.Command {
	var i pool.ImportImage
	cmd := &cobra.Command{
		Use:   "import TARBALL [ROOTFS] [KEY=VALUE]...",
		Short: "Make an image from a file, or from two",
		Long: `Make an image from a file that has everything (unified), or from one with the metadata
and one with the root file system (split). Properties are set beside those of the
metadata. When the command is interrupted nothing is left of it.`,
		Example: `  lxd-pool image import built.tar.gz --alias built
  lxd-pool image import lxd.tar.xz rootfs.squashfs --alias built os=debian`,
		Args: atLeast(1),
	}
	newImageFlags(cmd, &i.NewImage)
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) (err error) {
		i.Project = *project
		paths, rest := splitFiles(args)
		if i.Properties, err = readProperties(rest); err != nil {
			return err
		}
		files, size, err := openFiles(paths)
		defer closeAll(files)
		if err != nil {
			return err
		}
		i.Metadata, i.Size = files[0], size
		if len(files) > 1 {
			i.Rootfs = files[1]
		}
		ctx, done := c.told(ctx, "importing "+paths[0])
		made, err := c.client().ImportImage(ctx, i)
		done()
		return c.madeImage("imported", made, err)
	})
	return cmd
}

// splitFiles parts the files from the properties: the second argument is a file
// unless it reads as a property and there is no such file.
func splitFiles(args []string) (paths, rest []string) {
	if len(args) > 1 && (!strings.Contains(args[1], "=") || isThere(args[1])) {
		return args[:2], args[2:]
	}
	return args[:1], args[1:]
}

func openFiles(paths []string) (files []*os.File, size int64, err error) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return files, 0, pool.Invalidf("", "cannot import the image: %w", err)
		}
		files = append(files, f)
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = pool.Invalidf("pack it into a tarball", "cannot import the image: %s is a directory", path)
		}
		if err != nil {
			return files, 0, err
		}
		size += info.Size()
	}
	return files, size, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func (c *cli) imageExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export IMAGE [TARGET]",
		Short: "Write an image into a file, or into two",
		Long: `Write an image into a file that has everything (unified), or into one with the metadata
and one with the root file system (split), whichever way LXD has it. TARGET is a
directory, or the name of the files without an extension; without it, it is the
fingerprint. The files appear when they are complete and their sum is right.`,
		Example: `  lxd-pool image export noble
  lxd-pool image export noble /srv/images/noble`,
		Args:              between(1, 2),
		ValidArgsFunction: completing(1, c.imageNames),
	}
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		ref := pool.RefImage(args[0], *project)
		image, err := c.client().Image(ctx, ref)
		if err != nil {
			return err
		}
		out := &exported{base: exportBase(args[1:], image)}
		defer out.abandon()
		told, done := c.told(ctx, "exporting image "+args[0])
		_, err = c.client().ExportImage(told, ref, out.open)
		done()
		if err != nil {
			return err
		}
		return out.finish(c)
	})
	return cmd
}

func exportBase(target []string, image *pool.Image) string {
	base := first(target)
	if info, err := os.Stat(base); base == "" || err == nil && info.IsDir() {
		return filepath.Join(base, image.Fingerprint)
	}
	return base
}

// exported are the files that an image is written to. They have names of their
// own until they are complete.
type exported struct {
	base  string
	files []exportedFile
}

type exportedFile struct {
	*os.File
	path string
}

// extensionPattern is what is taken of the name of a file that comes from
// elsewhere.
var extensionPattern = regexp.MustCompile(`(\.[a-z0-9]{1,10}){1,2}$`)

func (e *exported) open(file pool.ImageFile) (io.Writer, error) {
	path := e.base
	if file.Part == pool.ImageRootfs {
		path += ".root"
	}
	path += extensionPattern.FindString(file.Name)
	f, err := os.CreateTemp(filepath.Dir(path), ".lxd-pool-image-*")
	if err != nil {
		return nil, pool.Invalidf("", "cannot export the image: %w", err)
	}
	e.files = append(e.files, exportedFile{f, path})
	return f, nil
}

func (e *exported) finish(c *cli) error {
	for i, f := range e.files {
		err := errors.Join(f.Chmod(0o644), f.Close())
		if err == nil {
			err = os.Rename(f.Name(), f.path)
		}
		if err != nil {
			return fmt.Errorf("cannot export the image: %w", err)
		}
		e.files[i].File = nil
		fmt.Fprintln(c.out, f.path)
	}
	return nil
}

// abandon removes what was not finished.
func (e *exported) abandon() {
	for _, f := range e.files {
		if f.File == nil {
			continue
		}
		f.Close()
		if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

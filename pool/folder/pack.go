package folder

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Pack writes files and directories, each with all that is in it, as a tar
// stream whose names begin with the last part of each path; those in "." and "/"
// begin with nothing. Links are not followed, but for one that a path itself
// names with a slash behind it. What is no regular file, directory or link is
// left out and noted. After an error the stream has no end that a reader would
// take for one.
func Pack(ctx context.Context, to io.Writer, paths ...string) (pool.Transfer, error) {
	p := &packer{ctx: ctx, to: tar.NewWriter(to), buffer: make([]byte, 256<<10)}
	for _, at := range paths {
		if err := p.pack(at); err != nil {
			return pool.Transfer{}, err
		}
	}
	return p.sum, p.to.Close()
}

type packer struct {
	ctx    context.Context
	to     *tar.Writer
	buffer []byte
	sum    pool.Transfer
}

func (p *packer) pack(top string) error {
	name := filepath.Base(top)
	if name == "." || name == ".." || name == "/" {
		name = ""
	}
	if strings.HasSuffix(top, "/") {
		top += "." // what it leads to
	}
	return filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		if err != nil {
			return why(at, err)
		}
		rest, err := filepath.Rel(top, at)
		if err != nil {
			return why(at, err)
		}
		return p.add(at, path.Join(name, rest))
	})
}

// why says in one line that something on this machine cannot be read.
func why(at string, err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		err = inner.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return pool.Errorf(pool.ErrInvalid, "", "cannot read %s: there is no such file", at)
	}
	return pool.Errorf(pool.ErrInvalid, "", "cannot read %s: %w", at, err)
}

// add writes one thing.
func (p *packer) add(at, name string) error {
	info, err := os.Lstat(at)
	if err != nil {
		return why(at, err)
	}
	h := &tar.Header{Format: tar.FormatGNU, Name: name, ModTime: info.ModTime(), Mode: int64(info.Sys().(*syscall.Stat_t).Mode & uint32(pool.ModeBits))}
	h.Uid, h.Gid = int(info.Sys().(*syscall.Stat_t).Uid), int(info.Sys().(*syscall.Stat_t).Gid)
	switch {
	case info.Mode().IsRegular():
		return p.addFile(at, h)
	case name == "." || name == "":
		return nil // the receiver's
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(at); err != nil {
			return why(at, err)
		}
	default:
		p.sum.Skip(at, "it is no file, directory or link")
		return nil
	}
	p.sum.Files++
	return p.to.WriteHeader(h)
}

// addFile writes a regular file, as large as it is when it was opened.
func (p *packer) addFile(at string, h *tar.Header) error {
	f, err := os.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return why(at, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it has become something else")
	}
	if err != nil {
		return why(at, err)
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	p.sum.Files++
	p.sum.Bytes += h.Size
	if err := p.to.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{p.to}, struct{ io.Reader }{io.LimitReader(f, h.Size)}, p.buffer)
	if err == nil && n < h.Size {
		err = why(at, fmt.Errorf("it became shorter while it was read"))
	}
	return err
}

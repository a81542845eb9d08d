package pool

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
)

const (
	// smallFile is the size up to which a file is held in memory, several at
	// the same time; a larger one is transferred by itself.
	smallFile = 128 << 10
	// ahead is how many small files may be held.
	ahead = 64
)

// kernels are directories that a kernel makes up. They are no part of what is
// below "/", but can be pulled by themselves.
var kernels = map[string]bool{"/proc": true, "/sys": true}

// item is one thing that is in a tree, in the order of the stream.
type item struct {
	File
	at, name string
	// loaded has, once, what came of reading it; nil: it is read when its turn
	// comes, or there is nothing to be read.
	loaded chan loaded
}

type loaded struct {
	content []byte
	target  string
	err     error
}

// puller writes a tree as a tar stream. A walker runs ahead of it and has small
// files and links read, so that the calls for many of them overlap.
type puller struct {
	tree  FileTree
	crew  *crew
	items chan *item
	to    *tar.Writer
	meter *meter
	sum   Transfer
}

func pullTree(ctx context.Context, tree FileTree, at string, to io.Writer) (Transfer, error) {
	top, err := tree.Stat(at)
	if err != nil {
		return Transfer{}, of(at, err)
	}
	p := &puller{tree: tree, crew: newCrew(ctx, filesAtOnce), items: make(chan *item, ahead),
		to: tar.NewWriter(ownWriter{to}), meter: newMeter(ctx, "pulling", 0)}
	go func() {
		defer close(p.items)
		if err := p.walk(&item{File: top, at: at, name: base(at)}); err != nil {
			p.crew.cancel(err)
		}
	}()
	if err = p.write(); err != nil {
		p.crew.cancel(err) // and so the walker, which may still be at work
	}
	for range p.items {
	}
	if err = orElse(err, p.crew.wait()); err != nil {
		return Transfer{}, err
	}
	return p.sum, p.to.Close()
}

// ownWriter marks the errors of a writer as its own.
type ownWriter struct{ w io.Writer }

func (w ownWriter) Write(data []byte) (int, error) {
	n, err := w.w.Write(data)
	if err != nil {
		err = ownError{err}
	}
	return n, err
}

// walk hands on one thing and then what is in it.
func (p *puller) walk(i *item) error {
	if err := p.load(i); err != nil {
		return err
	}
	select {
	case p.items <- i:
	case <-p.crew.ctx.Done():
		return context.Cause(p.crew.ctx)
	}
	if i.Type != Directory || i.loaded != nil {
		return nil
	}
	list, err := p.tree.List(i.at)
	switch {
	case gone(err):
		return nil
	case errors.Is(err, fs.ErrPermission):
		// What even root may not read is LXD's or the kernel's.
		return p.walk(&item{File: File{Type: closedDirectory}, at: i.at})
	case err != nil:
		return of(i.at, err)
	}
	for _, f := range list {
		inner := &item{File: f, at: below(i.at, f.Name), name: f.Name}
		if i.name != "" {
			inner.name = i.name + "/" + f.Name
		} else if kernels[inner.at] {
			inner.Type = kernelMade
		}
		if err := p.walk(inner); err != nil {
			return err
		}
	}
	return nil
}

// What is left out, in words that follow "it is a".
const (
	kernelMade      FileType = "directory that the kernel makes up"
	closedDirectory FileType = "directory that nobody may read"
)

// gone tells of what vanished, or became something else, since it was listed.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ELOOP)
}

// load begins to read what is read ahead.
func (p *puller) load(i *item) error {
	switch {
	case i.Type == RegularFile && i.Size <= smallFile:
		i.loaded = make(chan loaded, 1)
		return p.crew.do(func() error { i.loaded <- p.read(i); return nil })
	case i.Type == Symlink:
		i.loaded = make(chan loaded, 1)
		return p.crew.do(func() error {
			target, err := p.tree.ReadLink(i.at)
			i.loaded <- loaded{target: target, err: err}
			return nil
		})
	}
	return nil
}

// read reads a small file. One that says that it is empty may be one that a
// kernel makes up, and not be.
func (p *puller) read(i *item) loaded {
	from, err := p.tree.Open(i.at)
	if err != nil {
		return loaded{err: err}
	}
	defer from.Close()
	size := i.Size
	if size == 0 {
		size = smallFile
	}
	content := make([]byte, size)
	n, err := from.ReadAt(content, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return loaded{content: content[:n], err: err}
}

// write writes what the walker hands on.
func (p *puller) write() error {
	for i := range p.items {
		if err := p.writeItem(i); err != nil {
			return of(i.at, err)
		}
	}
	return context.Cause(p.crew.ctx)
}

func (p *puller) writeItem(i *item) error {
	var got loaded
	if i.loaded != nil {
		select {
		case got = <-i.loaded:
		case <-p.crew.ctx.Done():
			return context.Cause(p.crew.ctx)
		}
	}
	h := &tar.Header{
		Format: tar.FormatGNU, // names of any bytes
		Name:   i.name, Mode: int64(i.Mode & ModeBits), Uid: i.UID, Gid: i.GID, ModTime: i.Modified, Linkname: got.target,
	}
	switch {
	case gone(got.err):
		p.sum.Skip(i.at, "it vanished")
		return nil
	case errors.Is(got.err, fs.ErrPermission):
		p.sum.Skip(i.at, "nobody may read it")
		return nil
	case got.err != nil:
		return got.err
	case i.Type == RegularFile && i.loaded == nil:
		return p.writeLarge(i, h)
	case i.Type == RegularFile:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(got.content))
	case i.Type == Directory:
		h.Typeflag, h.Name = tar.TypeDir, i.name+"/"
	case i.Type == Symlink:
		h.Typeflag = tar.TypeSymlink
	default:
		p.sum.Skip(i.at, "it is a "+string(i.Type))
		return nil
	}
	if i.name == "" {
		return nil // the top of "/"
	}
	if err := p.head(h); err != nil {
		return err
	}
	_, err := p.to.Write(got.content)
	p.count(int64(len(got.content)))
	return err
}

func (p *puller) head(h *tar.Header) error {
	p.sum.Files++
	return p.to.WriteHeader(h)
}

func (p *puller) count(n int64) {
	p.sum.Bytes += n
	p.meter.add(n)
}

// writeLarge reads a file when its turn has come, as large as it is by then.
func (p *puller) writeLarge(i *item, h *tar.Header) error {
	f, err := p.tree.Lstat(i.at)
	if gone(err) || err == nil && f.Type != RegularFile {
		p.sum.Skip(i.at, "it vanished")
		return nil
	}
	if err != nil {
		return err
	}
	from, err := p.tree.Open(i.at)
	switch {
	case gone(err):
		p.sum.Skip(i.at, "it vanished")
		return nil
	case errors.Is(err, fs.ErrPermission):
		p.sum.Skip(i.at, "nobody may read it")
		return nil
	case err != nil:
		return err
	}
	defer from.Close()
	h.Typeflag, h.Size = tar.TypeReg, f.Size
	if err := p.head(h); err != nil {
		return err
	}
	return copyOut(p.crew.ctx, p.to, from, f.Size, p.count)
}

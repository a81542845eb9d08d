package pool

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"
)

// pusher makes what a tar stream holds. Small files are held in memory and made
// several at the same time; everything else is done in the order of the stream.
type pusher struct {
	ctx   context.Context
	tree  FileTree
	top   string
	o     PushOptions
	crew  *crew
	meter *meter
	sum   Transfer
	// made are the directories that are there for certain, links the symbolic
	// links of the stream.
	made  map[string]bool
	links map[string]bool
	// busy are the files that are being made.
	busy map[string]bool
	// dated are the times that directories get at the end.
	dated map[string]FileAttributes
}

func pushTree(ctx context.Context, tree FileTree, at string, from io.Reader, o PushOptions) (Transfer, error) {
	if o.Mode != nil {
		return Transfer{}, Invalidf("leave the mode out", "cannot push a tree to %s: its files have modes of their own", at)
	}
	if err := pushTop(tree, at, o); err != nil {
		return Transfer{}, err
	}
	p := &pusher{
		ctx: ctx, tree: tree, top: at, o: o, crew: newCrew(ctx, filesAtOnce), meter: newMeter(ctx, "pushing", 0),
		made: map[string]bool{}, links: map[string]bool{}, busy: map[string]bool{}, dated: map[string]FileAttributes{},
	}
	err := p.run(&countedReader{r: from})
	if err = orElse(err, p.crew.join()); err == nil {
		p.date()
	}
	if err = orElse(err, p.crew.wait()); err != nil {
		return Transfer{}, err
	}
	return p.sum, nil
}

// pushTop makes sure that there is a directory to push into.
func pushTop(tree FileTree, at string, o PushOptions) error {
	f, err := tree.Stat(at)
	switch {
	case err == nil && f.Type == Directory:
		return nil
	case err == nil:
		return Invalidf("", "cannot push a tree to %s: it is no directory", at)
	case errors.Is(err, fs.ErrNotExist) && o.Parents:
		return makeParents(tree, at)
	case errors.Is(err, fs.ErrNotExist):
		return Errorf(ErrNotFound, "make it too (-p)", "cannot push to %s: there is no such directory", at)
	}
	return of(at, err)
}

// countedReader counts what was read.
type countedReader struct {
	r io.Reader
	n int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// tarBlock is the size of what a tar stream is made of.
const tarBlock = 512

func (p *pusher) run(counted *countedReader) error {
	for from := tar.NewReader(counted); ; {
		before := counted.n
		h, err := from.Next()
		switch {
		case err == io.EOF && counted.n-before < tarBlock:
			return badStream(io.ErrUnexpectedEOF) // it has no mark of its end
		case err == io.EOF:
			return nil
		case err != nil:
			return badStream(err)
		}
		if err := p.entry(h, from); err != nil {
			return err
		}
		if p.crew.ctx.Err() != nil {
			return context.Cause(p.crew.ctx)
		}
	}
}

// badStream explains why a stream cannot be read on.
func badStream(err error) error {
	switch {
	case err == io.ErrUnexpectedEOF:
		return Errorf(ErrInvalid, "what had come before is there", "cannot push a tree: the stream breaks off: %w", err)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return Invalidf("send what is in a tar file, not compressed", "cannot push a tree: the stream is not tar: %w", err)
	}
	return ownError{err}
}

// entry makes one thing of the stream.
func (p *pusher) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := p.check(h.Name)
	if err != nil {
		return err
	}
	at := p.top
	if name != "." {
		at = below(p.top, name)
	}
	a := FileAttributes{Mode: FileMode(h.Mode) & ModeBits, UID: h.Uid, GID: h.Gid, Modified: h.ModTime}
	p.o.own(&a)
	switch h.Typeflag {
	case tar.TypeDir:
		err = p.directory(name, at, a)
	case tar.TypeReg, tar.TypeGNUSparse:
		err = p.file(name, at, a, h.Size, content)
	case tar.TypeSymlink:
		err = p.symlink(name, at, h.Linkname)
	case tar.TypeLink:
		err = p.link(name, at, h.Linkname)
	default:
		p.sum.Skip(name, "it is no file, directory or link")
		return nil
	}
	p.sum.Files++
	return of(at, err)
}

// check returns the name of an entry without what means nothing, "." for the top.
func (p *pusher) check(name string) (string, error) {
	bad := func(why string) error {
		return Invalidf("nothing of it was made", "cannot push %q: its name %s", name, why)
	}
	if strings.HasPrefix(name, "/") {
		return "", bad("is absolute")
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			return "", bad(`has ".."`)
		case strings.ContainsRune(part, 0):
			return "", bad("has the byte 0")
		}
		if len(parts) > 0 && p.links[strings.Join(parts, "/")] {
			return "", bad("leads through a link of the same stream")
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ".", nil
	}
	return strings.Join(parts, "/"), nil
}

// settle waits for the files that are being made if one of them has that name.
func (p *pusher) settle(name string) error {
	if !p.busy[name] {
		return nil
	}
	clear(p.busy)
	return p.crew.join()
}

// parents makes the directories above an entry that are missing.
func (p *pusher) parents(name string) error {
	dir, _, nested := cutLast(name)
	if !nested || p.made[dir] {
		return nil
	}
	if err := p.parents(dir); err != nil {
		return err
	}
	return p.mkdir(dir, FileAttributes{Mode: 0o755})
}

func cutLast(name string) (dir, last string, nested bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// mkdir makes a directory, unless there is one.
func (p *pusher) mkdir(name string, a FileAttributes) error {
	at := below(p.top, name)
	p.made[name] = true
	err := p.tree.Mkdir(at)
	if err == nil {
		a.Modified = time.Time{} // comes last
		return of(at, p.tree.SetAttributes(at, a))
	}
	return isDirectory(p.tree, at, err)
}

func (p *pusher) directory(name, at string, a FileAttributes) error {
	if name == "." {
		return nil // it is the receiver's
	}
	if err := p.settle(name); err != nil {
		return err
	}
	if err := p.parents(name); err != nil {
		return err
	}
	p.dated[at] = a
	return p.mkdir(name, a)
}

func (p *pusher) file(name, at string, a FileAttributes, size int64, content io.Reader) error {
	if err := p.ready(name); err != nil {
		return err
	}
	if size > smallFile {
		return place(p.ctx, p.tree, at, a, func(to io.WriterAt) error {
			return copyIn(p.crew.ctx, to, contentReader{content}, p.count)
		})
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(content, data); err != nil {
		return badStream(err)
	}
	p.count(size)
	p.busy[name] = true
	return p.crew.do(func() error {
		return place(p.ctx, p.tree, at, a, func(to io.WriterAt) error {
			return writeAll(to, data, 0)
		})
	})
}

// contentReader is the content of one file of the stream.
type contentReader struct{ r io.Reader }

func (c contentReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		err = badStream(err)
	}
	return n, err
}

// ready makes ready for something that is no directory.
func (p *pusher) ready(name string) error {
	if name == "." {
		return Invalidf("", "cannot push to %s: the stream has a file of no name", p.top)
	}
	delete(p.links, name)
	delete(p.made, name)
	if err := p.settle(name); err != nil {
		return err
	}
	return p.parents(name)
}

func (p *pusher) count(n int64) {
	p.sum.Bytes += n
	p.meter.add(n)
}

func (p *pusher) symlink(name, at, target string) error {
	if err := p.ready(name); err != nil {
		return err
	}
	p.links[name], p.busy[name] = true, true
	return p.crew.do(func() error {
		return placeLink(p.tree, at, func(at string) error { return p.tree.Symlink(target, at) })
	})
}

// link makes another name of a file that came before.
func (p *pusher) link(name, at, old string) error {
	old, err := p.check(old)
	if err != nil {
		return err
	}
	if err := orElse(p.ready(name), p.crew.join()); err != nil {
		return err
	}
	clear(p.busy)
	return placeLink(p.tree, at, func(at string) error { return p.tree.Link(below(p.top, old), at) })
}

// placeLink makes a link, in place of what was there.
func placeLink(tree FileTree, at string, make func(at string) error) error {
	err := make(at)
	if !errors.Is(err, fs.ErrExist) {
		return of(at, err)
	}
	beside := besides(at)
	if err := make(beside); err != nil {
		return of(at, err)
	}
	return of(at, putAt(tree, beside, at))
}

// date gives the directories what making things in them has changed.
func (p *pusher) date() {
	for at, a := range p.dated {
		if p.crew.do(func() error { return of(at, p.tree.SetAttributes(at, a)) }) != nil {
			return
		}
	}
}

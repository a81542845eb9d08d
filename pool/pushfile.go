package pool

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
)

func pushFile(ctx context.Context, tree FileTree, at string, from io.Reader, o PushOptions) error {
	if strings.HasSuffix(at, "/") {
		return Invalidf("add the name that it is to have there", "cannot push %s: it is the path of a directory", at)
	}
	at, attributes, err := landing(tree, at)
	if err != nil {
		return err
	}
	if o.Parents {
		if err := makeParents(tree, dirOf(at)); err != nil {
			return err
		}
	}
	if o.Mode != nil {
		attributes.Mode = *o.Mode
	}
	o.own(&attributes)
	meter := newMeter(ctx, "pushing", 0)
	return place(ctx, tree, at, attributes, func(to io.WriterAt) error {
		return copyIn(ctx, to, from, meter.add)
	})
}

// own gives a file the owner that is wanted.
func (o PushOptions) own(a *FileAttributes) {
	if o.UID != nil {
		a.UID = *o.UID
	}
	if o.GID != nil {
		a.GID = *o.GID
	}
}

// landing follows links from a path to where a file is to be written, and
// returns the attributes that it gets unless others are wanted.
func landing(tree FileTree, at string) (string, FileAttributes, error) {
	for range maxLinks {
		f, err := tree.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return at, FileAttributes{Mode: 0o644}, nil
		case err != nil:
			return "", FileAttributes{}, of(at, err)
		case f.Type == RegularFile:
			return at, FileAttributes{Mode: f.Mode, UID: f.UID, GID: f.GID}, nil
		case f.Type == Directory:
			return "", FileAttributes{}, Invalidf("add the name that it is to have there", "cannot push %s: it is a directory", at)
		case f.Type != Symlink:
			return "", FileAttributes{}, Invalidf("", "cannot push %s: there is a %s", at, f.Type)
		}
		target, err := tree.ReadLink(at)
		if err != nil {
			return "", FileAttributes{}, of(at, err)
		}
		if !strings.HasPrefix(target, "/") {
			target = below(dirOf(at), target) // the instance resolves it: what is above may be links too
		}
		at = target
	}
	return "", FileAttributes{}, of(at, syscall.ELOOP)
}

// dirOf is the path up to the last part. Unlike [path.Dir] it takes no ".." away.
func dirOf(at string) string {
	if i := strings.LastIndexByte(at, '/'); i > 0 {
		return at[:i]
	}
	return "/"
}

// makeParents makes a directory and those above that are missing.
func makeParents(tree FileTree, dir string) error {
	err := tree.Mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) && dir != "/" {
		if err := makeParents(tree, dirOf(dir)); err != nil {
			return err
		}
		err = tree.Mkdir(dir)
	}
	if err == nil {
		return of(dir, tree.SetAttributes(dir, FileAttributes{Mode: 0o755}))
	}
	return isDirectory(tree, dir, err)
}

// isDirectory returns why a directory could not be made, unless it is there.
func isDirectory(tree FileTree, dir string, why error) error {
	f, err := tree.Stat(dir)
	switch {
	case err != nil:
		return of(dir, orElse(why, err))
	case f.Type != Directory:
		return Invalidf("", "cannot push into %s: it is no directory", dir)
	}
	return nil
}

// place writes a new file beside its place and then puts it there. After an
// error nothing of it is left, as far as the instance can be reached.
func place(ctx context.Context, tree FileTree, at string, a FileAttributes, write func(io.WriterAt) error) (err error) {
	beside := besides(at)
	to, err := tree.Create(beside)
	if errors.Is(err, fs.ErrNotExist) {
		return Errorf(ErrNotFound, "make it too (-p)", "cannot push %s: there is no directory %s", at, dirOf(at))
	}
	if err != nil {
		return of(at, err)
	}
	err = write(to)
	if closed := to.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = tree.SetAttributes(beside, a)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		tree.Remove(beside)
		return of(at, unnamed(err))
	}
	return of(at, putAt(tree, beside, at))
}

// besides is a name that nobody has, beside a path.
func besides(at string) string { return below(dirOf(at), ".lxd-pool-"+rand.Text()) }

// putAt puts what was made beside in its place.
func putAt(tree FileTree, beside, at string) error {
	err := tree.Rename(beside, at)
	if err == nil {
		return nil
	}
	tree.Remove(beside)
	if f, looked := tree.Lstat(at); looked == nil && f.Type == Directory {
		return Invalidf("delete it first", "cannot push %s: there is a directory", at)
	}
	return unnamed(err)
}

// unnamed takes from an error the path of what was written beside.
func unnamed(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}

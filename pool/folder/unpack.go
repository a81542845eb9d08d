package folder

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Options is how a stream is unpacked.
type Options struct {
	// Owners gives files the numbers of their owners in the stream. Only root can.
	Owners bool
}

// Unpack makes what is in a tar stream in a folder: regular files, directories
// and symbolic links, with their permissions and times. Set-uid, set-gid and
// sticky bits are dropped: what an instance says of that must not count here.
// Hard links, devices and the like are left out and noted.
//
// Nothing is written outside of the folder. A name that is absolute or has "..",
// and one that leads through a link, whoever made that, is an error. Files and
// links replace files and links of their name, whole or not at all; a directory
// is never replaced. After an error what came before stays.
func Unpack(ctx context.Context, from io.Reader, folder string, o Options) (pool.Transfer, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return pool.Transfer{}, cannot(folder, "", err)
	}
	defer root.Close()
	u := &unpacker{ctx: ctx, root: root, folder: folder, o: o, buffer: make([]byte, 256<<10), dirs: map[string]*os.Root{}, ends: map[string]*tar.Header{}}
	defer u.close()
	if err := u.all(&countedReader{r: from}); err != nil {
		return pool.Transfer{}, err
	}
	return u.sum, u.finish()
}

type unpacker struct {
	ctx    context.Context
	root   *os.Root
	folder string
	o      Options
	buffer []byte
	sum    pool.Transfer
	// dirs are directories that are open, so that what is in them is reached
	// through no link.
	dirs map[string]*os.Root
	// ends are the directories that get their modes and times at the end.
	ends map[string]*tar.Header
}

func (u *unpacker) close() {
	for _, dir := range u.dirs {
		dir.Close()
	}
}

// cannot says in one line what cannot be written here.
func cannot(folder, name string, err error) error {
	at := path.Join(folder, name)
	if known, ok := errors.AsType[*pool.Error](err); ok {
		return known
	}
	for {
		inner, ok := errors.AsType[*fs.PathError](err)
		if !ok || inner.Err == nil {
			break
		}
		err = inner.Err
	}
	if inner, ok := errors.AsType[*os.LinkError](err); ok {
		err = inner.Err
	}
	return pool.Errorf(pool.ErrInvalid, "", "cannot write %s: %w", printable(at), err)
}

// printable keeps what an instance named from moving the cursor.
func printable(at string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, at)
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

func (u *unpacker) all(counted *countedReader) error {
	for from := tar.NewReader(counted); ; {
		if u.ctx.Err() != nil {
			return context.Cause(u.ctx)
		}
		before := counted.n
		h, err := from.Next()
		switch {
		case err == io.EOF && counted.n-before < tarBlock:
			return io.ErrUnexpectedEOF // it has no mark of its end
		case err == io.EOF:
			return nil
		case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
			return pool.Invalidf("", "cannot unpack: the stream is not tar: %w", err)
		case err != nil:
			return err
		}
		if err := u.entry(h, from); err != nil {
			return err
		}
	}
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	name, err := clean(h.Name)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		err = u.directory(name, h)
	case tar.TypeReg:
		err = u.file(name, h, content)
	case tar.TypeSymlink:
		err = u.symlink(name, h)
	case tar.TypeXGlobalHeader:
		return nil
	default:
		u.sum.Skip(name, "it is no file, directory or link")
		return nil
	}
	if err != nil {
		if own, ok := errors.AsType[streamError](err); ok {
			return own.error
		}
		return cannot(u.folder, name, err)
	}
	u.sum.Files++
	return nil
}

// clean returns a name without what means nothing, "." for the folder itself.
func clean(name string) (string, error) {
	bad := func(why string) error {
		return pool.Invalidf("nothing of it was written", "cannot unpack %q: its name %s", name, why)
	}
	if strings.HasPrefix(name, "/") {
		return "", bad("is absolute")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", bad(`has ".."`)
		}
	}
	if strings.ContainsRune(name, 0) {
		return "", bad("has the byte 0")
	}
	return path.Clean(name), nil
}

// openDirs is how many directories are kept open.
const openDirs = 64

var errThroughLink = errors.New("it leads through a symbolic link, which is not followed")

// dir opens a directory of the folder, and makes it and those above if they are
// missing. On the way there is no link.
func (u *unpacker) dir(name string) (*os.Root, error) {
	if name == "." {
		return u.root, nil
	}
	if open := u.dirs[name]; open != nil {
		return open, nil
	}
	above, err := u.dir(path.Dir(name))
	if err != nil {
		return nil, err
	}
	last := path.Base(name)
	info, err := above.Lstat(last)
	if errors.Is(err, fs.ErrNotExist) {
		if err = above.Mkdir(last, 0o755); err == nil {
			info, err = above.Lstat(last)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, errThroughLink
	case !info.IsDir():
		return nil, syscall.ENOTDIR
	}
	open, err := above.OpenRoot(last)
	if err != nil {
		return nil, err
	}
	if err := sameAs(open, info); err != nil {
		open.Close()
		return nil, err
	}
	u.keep(name, open)
	return open, nil
}

// sameAs makes sure that what was opened is what was looked at.
func sameAs(open *os.Root, info fs.FileInfo) error {
	now, err := open.Stat(".")
	if err == nil && !os.SameFile(now, info) {
		err = errThroughLink
	}
	return err
}

// keep remembers an open directory. When there are many, it closes those that
// are not above it.
func (u *unpacker) keep(name string, open *os.Root) {
	if len(u.dirs) >= openDirs {
		for other, dir := range u.dirs {
			if !strings.HasPrefix(name, other+"/") {
				dir.Close()
				delete(u.dirs, other)
			}
		}
	}
	u.dirs[name] = open
}

func (u *unpacker) directory(name string, h *tar.Header) error {
	if name == "." {
		return nil // it is the caller's
	}
	if _, err := u.dir(name); err != nil {
		return err
	}
	u.ends[name] = h
	return nil
}

// parent opens the directory that is to have a name, which no directory has.
func (u *unpacker) parent(name string) (dir *os.Root, last string, err error) {
	if name == "." {
		return nil, "", errors.New("it is the folder itself")
	}
	if dir, err = u.dir(path.Dir(name)); err != nil {
		return nil, "", err
	}
	last = path.Base(name)
	if info, err := dir.Lstat(last); err == nil && info.IsDir() {
		return nil, "", errors.New("there is a directory")
	}
	return dir, last, nil
}

// beside is a name that nobody has.
func beside() string { return ".lxd-pool-" + rand.Text() }

func (u *unpacker) file(name string, h *tar.Header, content io.Reader) error {
	dir, last, err := u.parent(name)
	if err != nil {
		return err
	}
	return writeBeside(dir, last, func(f *os.File) error {
		n, err := io.CopyBuffer(struct{ io.Writer }{f}, &stream{u.ctx, content}, u.buffer)
		u.sum.Bytes += n
		if err == nil {
			err = u.dress(f, h)
		}
		return err
	})
}

// writeBeside writes a new file and then puts it in its place. After an error
// nothing of it is left.
func writeBeside(dir *os.Root, last string, write func(*os.File) error) (err error) {
	temporary := beside()
	f, err := dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			dir.Remove(temporary)
		}
	}()
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return dir.Rename(temporary, last)
}

// dress gives an open file what the stream says of it.
func (u *unpacker) dress(f *os.File, h *tar.Header) error {
	if u.o.Owners {
		if err := f.Chown(h.Uid, h.Gid); err != nil {
			return err
		}
	}
	if err := f.Chmod(fs.FileMode(h.Mode) & fs.ModePerm); err != nil {
		return err
	}
	t := syscall.NsecToTimeval(when(h).UnixNano())
	return syscall.Futimes(int(f.Fd()), []syscall.Timeval{t, t})
}

// when is the time of a file, within what a file system can keep.
func when(h *tar.Header) time.Time {
	if h.ModTime.Unix() < 0 || h.ModTime.Unix() > 1<<33 {
		return time.Unix(0, 0)
	}
	return h.ModTime
}

func (u *unpacker) symlink(name string, h *tar.Header) error {
	dir, last, err := u.parent(name)
	if err != nil {
		return err
	}
	temporary := beside()
	if err := dir.Symlink(h.Linkname, temporary); err != nil {
		return err
	}
	if u.o.Owners {
		err = dir.Lchown(temporary, h.Uid, h.Gid)
	}
	if err == nil {
		err = dir.Rename(temporary, last)
	}
	if err != nil {
		dir.Remove(temporary)
	}
	return err
}

// finish gives the directories their modes and times, the innermost first.
func (u *unpacker) finish() error {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(u.ends))) {
		dir, err := u.dir(name)
		if err != nil {
			return cannot(u.folder, name, err)
		}
		f, err := dir.Open(".")
		if err == nil {
			err = errors.Join(u.dress(f, u.ends[name]), f.Close())
		}
		if err != nil {
			return cannot(u.folder, name, err)
		}
	}
	return nil
}

// streamError is an error of the stream, not of what is written.
type streamError struct{ error }

// stream is the content of one file.
type stream struct {
	ctx  context.Context
	from io.Reader
}

func (s *stream) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, streamError{context.Cause(s.ctx)}
	}
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		err = streamError{err}
	}
	return n, err
}

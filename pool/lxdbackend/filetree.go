package lxdbackend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	// readPacket is the most that LXD sends in one packet, whatever is asked for.
	readPacket = 32 << 10
	// writePacket is what it takes in one. Larger ones gain nothing.
	writePacket = 128 << 10
)

// OpenFiles opens the files of an instance over SFTP, in which LXD itself keeps
// every path inside: it serves them from a process whose root they are. That
// works for a stopped and a frozen container too; a virtual machine has to run.
func (b *Backend) OpenFiles(ctx context.Context, o pool.Order) (pool.FileTree, error) {
	o = filled(o)
	session, err := b.files(ctx, o, sftp.UseConcurrentWrites(true), sftp.MaxPacketUnchecked(writePacket))
	if err != nil {
		return nil, fail(blame(err), "cannot open the files of instance "+string(o.Instance), err)
	}
	if !session.stop() { // from here on Close ends it
		session.Close()
		return nil, fail(pool.ErrUnavailable, "cannot open the files of instance "+string(o.Instance), ctx.Err())
	}
	return &fileTree{backend: b, order: o, session: session}, nil
}

// fileTree is a [pool.FileTree] over SFTP.
type fileTree struct {
	backend *Backend
	order   pool.Order
	session *fileSession
	once    sync.Once
}

func (t *fileTree) Close() (err error) {
	t.once.Do(func() { err = t.session.Close() })
	return err
}

func (t *fileTree) Stat(at string) (pool.File, error) {
	info, err := t.session.Stat(at)
	return t.describe(info, err)
}

func (t *fileTree) Lstat(at string) (pool.File, error) {
	info, err := t.session.Lstat(at)
	return t.describe(info, err)
}

func (t *fileTree) describe(info os.FileInfo, err error) (pool.File, error) {
	if err != nil {
		return pool.File{}, t.explain(err)
	}
	return fileOf(info)
}

func (t *fileTree) List(at string) ([]pool.File, error) {
	infos, err := t.session.ReadDir(at)
	if err != nil {
		return nil, t.explain(err)
	}
	list := make([]pool.File, 0, len(infos))
	for _, info := range infos {
		f, err := fileOf(info)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// fileOf takes the numbers as LXD sent them. A name with "/" would lead elsewhere.
func fileOf(info os.FileInfo) (pool.File, error) {
	stat, ok := info.Sys().(*sftp.FileStat)
	if !ok || strings.Contains(info.Name(), "/") && info.Name() != "/" {
		return pool.File{}, fmt.Errorf("LXD does not say what %q is", info.Name())
	}
	return pool.File{
		Name: info.Name(), Type: fileType(stat.Mode), Mode: pool.FileMode(stat.Mode) & pool.ModeBits,
		UID: int(stat.UID), GID: int(stat.GID), Size: max(0, int64(stat.Size)), Modified: time.Unix(int64(stat.Mtime), 0),
	}, nil
}

func fileType(mode uint32) pool.FileType {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return pool.RegularFile
	case syscall.S_IFDIR:
		return pool.Directory
	case syscall.S_IFLNK:
		return pool.Symlink
	case syscall.S_IFIFO:
		return pool.Fifo
	case syscall.S_IFSOCK:
		return pool.Socket
	}
	return pool.Device
}

func (t *fileTree) ReadLink(at string) (string, error) {
	target, err := t.session.ReadLink(at)
	return target, t.explain(err)
}

// Open opens for writing too, if it can: that never waits for the other end of
// a fifo which somebody has put in the place of the file. LXD would wait with
// it, and could not stop the instance any more.
func (t *fileTree) Open(at string) (pool.FileReader, error) {
	f, err := t.session.OpenFile(at, os.O_RDWR)
	if err == nil {
		return &openFile{t, f}, nil
	}
	err = t.explain(err)
	if !slices.ContainsFunc(onlyRead, func(errno error) bool { return errors.Is(err, errno) }) {
		return nil, err
	}
	found, err := t.Stat(at)
	if err == nil && found.Type != pool.RegularFile {
		err = syscall.ENXIO
	}
	if err != nil {
		return nil, err
	}
	f, err = t.session.Open(at)
	if err != nil {
		return nil, t.explain(err)
	}
	return &openFile{t, f}, nil
}

// onlyRead is why a file may be read but not written: it is a program that
// runs, or a kernel made it up.
var onlyRead = []error{syscall.ETXTBSY, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.EINVAL, syscall.EIO}

func (t *fileTree) Create(at string) (pool.FileWriter, error) {
	f, err := t.session.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, t.explain(err)
	}
	return &openFile{t, f}, nil
}

func (t *fileTree) Mkdir(at string) error { return t.explain(t.session.Mkdir(at)) }

func (t *fileTree) Symlink(target, at string) error {
	return t.explain(t.session.Symlink(target, at))
}

func (t *fileTree) Link(old, at string) error { return t.explain(t.session.Link(old, at)) }

func (t *fileTree) Rename(from, to string) error {
	return t.explain(t.session.PosixRename(from, to))
}

func (t *fileTree) Remove(at string) error { return t.explain(t.session.Remove(at)) }

// SetAttributes sets the owner first, since that takes set-uid bits away.
func (t *fileTree) SetAttributes(at string, a pool.FileAttributes) error {
	err := t.session.Chown(at, a.UID, a.GID)
	if err == nil {
		err = t.session.Chmod(at, os.FileMode(a.Mode)&os.ModePerm|specialBits(a.Mode))
	}
	if err == nil && !a.Modified.IsZero() {
		err = t.session.Chtimes(at, a.Modified, a.Modified)
	}
	if err != nil || specialBits(a.Mode) == 0 {
		return t.explain(err)
	}
	return t.setSpecialBits(at, a.Mode)
}

// specialBits are set-uid, set-gid and sticky in Go's words.
func specialBits(mode pool.FileMode) (bits os.FileMode) {
	for _, bit := range []struct {
		unix pool.FileMode
		own  os.FileMode
	}{{0o4000, os.ModeSetuid}, {0o2000, os.ModeSetgid}, {0o1000, os.ModeSticky}} {
		if mode&bit.unix != 0 {
			bits |= bit.own
		}
	}
	return bits
}

// chmodTime is how long a command may take that sets the mode of a file.
const chmodTime = 10 * time.Second

// setSpecialBits looks whether LXD has set them, since older ones drop them
// without a word. Then the instance has to do it, if it runs.
func (t *fileTree) setSpecialBits(at string, mode pool.FileMode) error {
	f, err := t.Stat(at)
	if err != nil || f.Mode == mode {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), chmodTime)
	defer cancel()
	status, err := t.backend.script(ctx, t.order, `exec chmod "$1" "$2"`, mode.String(), at)
	if err == nil && status == 0 {
		return nil
	}
	return pool.Errorf(pool.ErrUnsupported, "start the instance, or leave out set-uid, set-gid and sticky",
		"cannot give a file the mode %s: this LXD drops those bits, and no chmod can run in %s now", mode, t.order.Instance)
}

// explain finds the errno in what LXD answered; anything else means that the
// connection broke.
func (t *fileTree) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, fs.ErrPermission):
		return syscall.EACCES
	}
	if _, answered := errors.AsType[*sftp.StatusError](err); answered {
		return findErrno(err)
	}
	return fail(pool.ErrUnavailable, "cannot reach the files of instance "+string(t.order.Instance), &awayError{err})
}

// findErrno finds it in the words of LXD, such as: "open /a: file exists".
func findErrno(err error) error {
	text := err.Error()
	text, _, _ = strings.Cut(text[strings.LastIndex(text, ": ")+1:], `" (`)
	text = strings.TrimSpace(text)
	for errno := syscall.Errno(1); errno < 134; errno++ {
		if errno.Error() == text {
			return errno
		}
	}
	return err
}

// openFile is an open file in the instance.
type openFile struct {
	tree *fileTree
	file *sftp.File
}

// ReadAt asks for all of its packets at once.
func (f *openFile) ReadAt(p []byte, at int64) (int, error) {
	if len(p) <= readPacket {
		return f.read(p, at)
	}
	counts := make([]int, (len(p)+readPacket-1)/readPacket)
	var group errgroup.Group
	for i := range counts {
		group.Go(func() (err error) {
			from := i * readPacket
			counts[i], err = f.read(p[from:min(from+readPacket, len(p))], at+int64(from))
			return err
		})
	}
	err := group.Wait()
	n := 0
	for i, count := range counts {
		n += count
		if count < readPacket && i < len(counts)-1 {
			break // what follows does not join on
		}
	}
	return n, err
}

func (f *openFile) read(p []byte, at int64) (int, error) {
	n, err := f.file.ReadAt(p, at)
	if err != nil && err != io.EOF {
		err = f.tree.explain(err)
	}
	return n, err
}

func (f *openFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.file.WriteAt(p, at)
	return n, f.tree.explain(err)
}

func (f *openFile) Close() error { return f.tree.explain(f.file.Close()) }

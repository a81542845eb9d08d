package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Files is a power that a [Backend] may have: to reach the files of an instance.
type Files interface {
	// OpenFiles opens the file tree of an instance, whether it runs or not. ctx
	// binds the opening only; the tree lasts until it is closed.
	OpenFiles(ctx context.Context, o Order) (FileTree, error)
}

// FileTree is the files of one instance. Paths begin with "/"; links in them,
// and "..", are followed inside the instance and lead nowhere else. What is made
// belongs to root. All methods may be called at the same time.
//
// Errors hold the [syscall.Errno] that the call had, where there was one, such
// as syscall.ENOENT; an [ErrUnavailable] says that the instance's files cannot
// be reached at all.
type FileTree interface {
	// Stat follows a link at the end of the path; Lstat and List do not. Neither
	// tells where a link leads: that is ReadLink.
	Stat(path string) (File, error)
	Lstat(path string) (File, error)
	// List returns what is in a directory, in no order, without "." and "..".
	List(path string) ([]File, error)
	ReadLink(path string) (string, error)

	// Open opens a regular file to be read, Create makes one to be written; what
	// exists already is an error (syscall.EEXIST).
	Open(path string) (FileReader, error)
	Create(path string) (FileWriter, error)

	Mkdir(path string) error
	Symlink(target, path string) error
	Link(old, path string) error
	// SetAttributes follows a link. On error some of them may be set.
	SetAttributes(path string, a FileAttributes) error
	// Rename replaces what is at to, unless that is a directory.
	Rename(from, to string) error
	// Remove removes one thing; of directories, an empty one.
	Remove(path string) error

	// Close ends every call that is under way. It may be called again.
	Close() error
}

// FileReader reads an open file.
type FileReader interface {
	io.ReaderAt
	io.Closer
}

// FileWriter writes a new file. What was written is there for certain once
// Close has returned nil.
type FileWriter interface {
	io.WriterAt
	io.Closer
}

// FileType is what a file is.
type FileType string

// The types. Only the first three are ever transferred.
const (
	RegularFile FileType = "file"
	Directory   FileType = "directory"
	Symlink     FileType = "symlink"
	Fifo        FileType = "fifo"
	Socket      FileType = "socket"
	Device      FileType = "device"
)

// FileMode is the permissions of a file as Unix writes them: the nine bits, and
// set-uid (04000), set-gid (02000) and sticky (01000). As text it is octal.
type FileMode uint32

// ModeBits are all that a FileMode can have.
const ModeBits FileMode = 0o7777

// ParseFileMode reads an octal number, with or without a 0 in front.
func ParseFileMode(text string) (FileMode, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || FileMode(n) > ModeBits {
		return 0, Invalidf(`write it in octal, like "0644"`, "cannot use %q as the mode of a file", text)
	}
	return FileMode(n), nil
}

func (m FileMode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// MarshalText writes the mode in octal.
func (m FileMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *FileMode) UnmarshalText(text []byte) (err error) {
	*m, err = ParseFileMode(string(text))
	return err
}

// File is what an instance says of one of its files.
type File struct {
	// Name is the last part of its path. It may hold any bytes but "/" and NUL.
	Name string   `json:"name"`
	Type FileType `json:"type"`
	Mode FileMode `json:"mode"`
	// UID and GID are the numbers of the owner as the instance sees them.
	UID int `json:"uid"`
	GID int `json:"gid"`
	// Size is in bytes. It means something for regular files only.
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	// Target is where a symbolic link leads.
	Target string `json:"target,omitempty"`
}

// FileAttributes are what can be set of a file.
type FileAttributes struct {
	Mode     FileMode
	UID, GID int
	// Modified is set unless it is zero. It is kept in whole seconds.
	Modified time.Time
}

// PushOptions is how files are pushed.
type PushOptions struct {
	// Mode, UID and GID are those that a file gets. nil: those of the file that
	// it replaces; else 0644 and root. For a tree Mode must be nil, and UID and
	// GID in place of nil are those in the stream.
	Mode     *FileMode
	UID, GID *int
	// Parents makes the directories above that are missing, with mode 0755, for root.
	Parents bool
}

// Transfer is what became of a tree that was pulled or pushed.
type Transfer struct {
	// Files counts regular files, directories and links; Bytes is the content
	// of the first.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Skipped is what was left out, and why; of many only the first are named.
	Skipped []SkippedFile `json:"skipped,omitempty"`
	// SkippedMore is how many more there were.
	SkippedMore int `json:"skipped_more,omitempty"`
}

// SkippedFile is one that was left out of a transfer.
type SkippedFile struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// skippedNamed is how many of those that were left out are named.
const skippedNamed = 32

// Skip notes that a file was left out.
func (t *Transfer) Skip(path, why string) {
	if len(t.Skipped) == skippedNamed {
		t.SkippedMore++
		return
	}
	t.Skipped = append(t.Skipped, SkippedFile{path, why})
}

// ListFiles returns what is in a directory of the instance of a running lease,
// by name, or the one file that the path names. Links have their targets.
func (m *Manager) ListFiles(ctx context.Context, id LeaseID, at string) ([]File, error) {
	return inFiles(ctx, m, id, "list", at, func(ctx context.Context, tree FileTree) ([]File, error) {
		return listFiles(ctx, tree, at)
	})
}

// DeleteFile deletes a file, a link or an empty directory of the instance of a
// running lease; with recursive also a directory and all that is in it. Links
// are not followed. After an error a part of a directory may be gone.
func (m *Manager) DeleteFile(ctx context.Context, id LeaseID, at string, recursive bool) error {
	_, err := inFiles(ctx, m, id, "delete", at, func(ctx context.Context, tree FileTree) (struct{}, error) {
		return struct{}{}, deleteFile(ctx, tree, at, recursive)
	})
	return err
}

// PullFile writes the content of a regular file of the instance of a running
// lease to what to returns. A link is followed. to is called once, when the file
// was found; its error is returned as it is. The content is that of the size
// which the File has; what is appended meanwhile is not in it.
//
// A Write that hangs when ctx or the lease ends is waited for, unless the writer
// has SetWriteDeadline, as a [net.Conn] has.
func (m *Manager) PullFile(ctx context.Context, id LeaseID, at string, to func(File) (io.Writer, error)) error {
	_, err := inFiles(ctx, m, id, "pull", at, func(ctx context.Context, tree FileTree) (struct{}, error) {
		return struct{}{}, pullFile(ctx, tree, at, to)
	})
	return err
}

// PushFile writes a regular file of the instance of a running lease. It is
// written beside its place and then put there, so that whoever looks finds what
// was there before or the whole new file; after an error the former. Through a
// link it writes where that leads.
//
// A Read that hangs when ctx or the lease ends is waited for, unless the reader
// has SetReadDeadline, as a [net.Conn] has.
func (m *Manager) PushFile(ctx context.Context, id LeaseID, at string, from io.Reader, o PushOptions) error {
	_, err := inFiles(ctx, m, id, "push", at, func(ctx context.Context, tree FileTree) (struct{}, error) {
		defer cutRead(ctx, from)()
		return struct{}{}, pushFile(ctx, tree, at, from, o)
	})
	return err
}

// PullTree writes a file or a directory of the instance of a running lease, with
// all that is in it, as a tar stream: modes, owners, times and links as they
// are. The names begin with the last part of the path; below "/" with nothing.
// Links are not followed, but for one at the end of the path. Left out and noted
// are fifos, sockets, devices, what vanishes meanwhile or not even root may read,
// and below "/" what the kernel shows in /proc and /sys. After an error the stream has no end that a
// reader would take for one.
//
// For a Write that hangs see [Manager.PullFile].
func (m *Manager) PullTree(ctx context.Context, id LeaseID, at string, to io.Writer) (Transfer, error) {
	return inFiles(ctx, m, id, "pull", at, func(ctx context.Context, tree FileTree) (Transfer, error) {
		defer cutWrite(ctx, to)()
		return pullTree(ctx, tree, at, to)
	})
}

// PushTree reads a tar stream and makes what is in it in a directory of the
// instance of a running lease: regular files, directories and links, with modes,
// owners and times (a symbolic link belongs to root). Directories are merged
// into those that there are; other files are replaced. What a tar stream can
// have besides is left out and noted. A name that is absolute, has "..", or
// leads through a link of the same stream is refused.
//
// Every file is put in its place when all of it has come. After an error those
// that have come before stay.
//
// For a Read that hangs see [Manager.PushFile].
func (m *Manager) PushTree(ctx context.Context, id LeaseID, at string, from io.Reader, o PushOptions) (Transfer, error) {
	return inFiles(ctx, m, id, "push", at, func(ctx context.Context, tree FileTree) (Transfer, error) {
		defer cutRead(ctx, from)()
		return pushTree(ctx, tree, at, from, o)
	})
}

// inFiles does something with the file tree of a leased instance. When ctx ends
// while it hangs, the tree is closed, a little later: what is half made can be
// taken away before that.
func inFiles[Result any](ctx context.Context, m *Manager, id LeaseID, doing, at string,
	do func(ctx context.Context, tree FileTree) (Result, error)) (Result, error) {
	var nothing Result
	if err := checkPath(doing, at); err != nil {
		return nothing, err
	}
	return act(ctx, m, id, doing+" files", func(ctx context.Context, power Files, s *session) (Result, error) {
		tree, err := power.OpenFiles(ctx, s.order)
		if err != nil {
			return nothing, err
		}
		defer closeAfter(ctx, tree)()
		result, err := do(ctx, tree)
		if err != nil && ctx.Err() != nil {
			return nothing, context.Cause(ctx)
		}
		return result, fileError(doing, at, err)
	})
}

// tidyTime is how long what is half made may take to be taken away.
const tidyTime = 5 * time.Second

// closeAfter closes a tree tidyTime after the end of ctx, and when done is called.
func closeAfter(ctx context.Context, tree FileTree) (done func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		patience := time.NewTimer(tidyTime)
		defer patience.Stop()
		select {
		case <-over:
		case <-patience.C:
			tree.Close()
		}
	}()
	return func() {
		close(over)
		tree.Close()
	}
}

// cutWrite ends a Write that hangs when ctx ends, if that is possible, and
// cutRead a Read, until done is called.
func cutWrite(ctx context.Context, to io.Writer) (done func() bool) {
	if w, ok := to.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return context.AfterFunc(ctx, func() { w.SetWriteDeadline(time.Now()) })
	}
	return func() bool { return true }
}

func cutRead(ctx context.Context, from io.Reader) (done func() bool) {
	if r, ok := from.(interface{ SetReadDeadline(time.Time) error }); ok {
		return context.AfterFunc(ctx, func() { r.SetReadDeadline(time.Now()) })
	}
	return func() bool { return true }
}

// checkPath refuses what is no path of a file in an instance.
func checkPath(doing, at string) error {
	switch {
	case !strings.HasPrefix(at, "/"):
		return Invalidf(`begin it with "/"`, "cannot %s %q: the path is not absolute", doing, at)
	case strings.ContainsRune(at, 0):
		return Invalidf("", "cannot %s %q: no path has the byte 0", doing, at)
	case hasDotDot(at):
		return Invalidf("write the path without it", `cannot %s %s: the path has ".."`, doing, at)
	}
	return nil
}

func hasDotDot(at string) bool {
	for part := range strings.SplitSeq(at, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// ownError is an error that says all that there is to say, such as the caller's.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

// badFile is an errno that is the fault of the path, not of the instance.
var badFile = []syscall.Errno{
	syscall.EEXIST, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL,
}

// fileError turns what went wrong with a file into what an operator reads.
func fileError(doing, at string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[ownError](err); ok {
		return own.error
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		at, err = inner.Path, inner.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Errorf(ErrNotFound, "", "cannot %s %s: there is no such file", doing, at)
	}
	for _, bad := range badFile {
		if errors.Is(err, bad) {
			return Invalidf("", "cannot %s %s: %w", doing, at, err)
		}
	}
	return Errorf(ErrFailed, "", "cannot %s %s: %w", doing, at, err)
}

// of says which file an error is about.
func of(at string, err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*Error](err); known {
		return err
	}
	if _, known := errors.AsType[*fs.PathError](err); known {
		return err
	}
	return &fs.PathError{Op: "", Path: at, Err: err}
}

// below is the path of what a directory has. It leaves ".." to the instance.
func below(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// base is the last part of a path, "" of "/".
func base(at string) string {
	if at = path.Clean(at); at == "/" {
		return ""
	}
	return path.Base(at)
}

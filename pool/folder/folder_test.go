package folder_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/folder"
)

// entry is one thing in a tar stream.
type entry struct {
	name, text string
	kind       byte
	link       string
	mode       int64
}

func stream(entries ...entry) *bytes.Buffer {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		if e.mode == 0 {
			e.mode = 0o644
		}
		if err := w.WriteHeader(&tar.Header{Format: tar.FormatGNU, Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: e.mode,
			Size: int64(len(e.text)), ModTime: time.Unix(1e9, 0), Uid: os.Getuid(), Gid: os.Getgid()}); err != nil {
			panic(err)
		}
		io.WriteString(w, e.text)
	}
	w.Close()
	return &b
}

// yard is a folder to unpack into, and around it what must not change.
type yard struct {
	*testing.T
	around, target string
}

func newYard(t *testing.T) *yard {
	around := t.TempDir()
	y := &yard{t, around, filepath.Join(around, "target")}
	y.must(os.Mkdir(y.target, 0o755))
	y.must(os.WriteFile(filepath.Join(around, "victim"), []byte("innocent"), 0o644))
	y.must(os.Mkdir(filepath.Join(around, "dir"), 0o755))
	return y
}

func (y *yard) must(err error) {
	y.Helper()
	if err != nil {
		y.Fatal(err)
	}
}

func (y *yard) unpack(entries ...entry) error {
	_, err := folder.Unpack(y.Context(), stream(entries...), y.target, folder.Options{})
	return err
}

// untouched fails the test if something outside of the target has changed, or
// something half made is in it.
func (y *yard) untouched() {
	y.Helper()
	text, err := os.ReadFile(filepath.Join(y.around, "victim"))
	if err != nil || string(text) != "innocent" {
		y.Errorf("the victim has %q, %v", text, err)
	}
	for dir, want := range map[string][]string{y.around: {"dir", "target", "victim"}, filepath.Join(y.around, "dir"): nil} {
		if got := names(dir); !slices.Equal(got, want) {
			y.Errorf("%s has %q", dir, got)
		}
	}
	filepath.WalkDir(y.target, func(at string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(at), ".lxd-pool-") {
			y.Errorf("%s was left", at)
		}
		return nil
	})
}

func names(dir string) (list []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestNothingIsWrittenOutsideOfTheFolder(t *testing.T) {
	dirLink := entry{name: "a", kind: tar.TypeSymlink, link: "../dir"}
	for name, entries := range map[string][]entry{
		"absolute":                {{name: "/tmp/evil"}},
		"absolute directory":      {{name: "/tmp/evil/", kind: tar.TypeDir}},
		"up":                      {{name: "../victim", text: "evil"}},
		"up inside":               {{name: "x/../../victim", text: "evil"}},
		"up, but back":            {{name: "x/../y", text: "evil"}},
		"only up":                 {{name: "..", kind: tar.TypeDir}},
		"through a link":          {dirLink, {name: "a/evil", text: "evil"}},
		"through an absolute one": {{name: "a", kind: tar.TypeSymlink, link: "/"}, {name: "a/tmp/evil", text: "evil"}},
		"a directory through one": {dirLink, {name: "a/evil/", kind: tar.TypeDir}},
		"a link through one":      {dirLink, {name: "a/evil", kind: tar.TypeSymlink, link: "x"}},
		"a link as a directory":   {dirLink, {name: "a/", kind: tar.TypeDir}, {name: "a/evil", text: "evil"}},
		"deeper":                  {{name: "b/", kind: tar.TypeDir}, {name: "b/a", kind: tar.TypeSymlink, link: "../../dir"}, {name: "b/a/evil", text: "evil"}},
		"inside of the folder":    {{name: "b/", kind: tar.TypeDir}, {name: "a", kind: tar.TypeSymlink, link: "b"}, {name: "a/evil", text: "evil"}},
		"through a loop":          {{name: "a", kind: tar.TypeSymlink, link: "a"}, {name: "a/evil", text: "evil"}},
		"the folder as a file":    {{name: ".", text: "evil"}},
		"the folder as a link":    {{name: "./", kind: tar.TypeSymlink, link: "/"}},
		"a directory made a link": {{name: "b/", kind: tar.TypeDir}, {name: "b", kind: tar.TypeSymlink, link: "../dir"}, {name: "b/evil", text: "evil"}},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			if err := y.unpack(entries...); !errors.Is(err, pool.ErrInvalid) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it said %v", err)
			}
			y.untouched()
			if text, err := os.ReadFile(filepath.Join(y.target, "b", "evil")); err == nil {
				t.Errorf("a link inside was followed: %q", text)
			}
		})
	}
}

func TestAFileReplacesALinkAndDoesNotFollowIt(t *testing.T) {
	y := newYard(t)
	y.must(os.Symlink("../victim", filepath.Join(y.target, "mine")))
	y.must(y.unpack(entry{name: "a", kind: tar.TypeSymlink, link: "../victim"}, entry{name: "a", text: "evil"}, entry{name: "mine", text: "evil"}))
	for _, name := range []string{"a", "mine"} {
		if info, err := os.Lstat(filepath.Join(y.target, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is %v, %v", name, info.Mode(), err)
		}
	}
	y.untouched()
}

func TestAFolderThatTheUserLinkedIsNotFollowed(t *testing.T) {
	y := newYard(t)
	y.must(os.Symlink("../dir", filepath.Join(y.target, "linked")))
	if err := y.unpack(entry{name: "linked/a", text: "x"}); !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), "symbolic link, which is not followed") {
		t.Errorf("it said %v", err)
	}
	y.untouched()
}

func TestWhatAStreamSaysOfAFileIsKept(t *testing.T) {
	y := newYard(t)
	odd := []string{"-rf", "new\nline", "ünïcödé", strings.Repeat("n", 255), "\xff\xfe", "...", `\`}
	entries := []entry{{name: "t/", kind: tar.TypeDir, mode: 0o555}, {name: "t/empty/", kind: tar.TypeDir, mode: 0o700},
		{name: "t/dangling", kind: tar.TypeSymlink, link: "/no/where"}, {name: "t/setuid", text: "x", mode: 0o6755}, {name: "t/none", mode: 0o400},
		{name: "t/large", text: strings.Repeat("large", 1<<18)}, {name: "implied/dir/a", text: "x"}}
	for _, name := range odd {
		entries = append(entries, entry{name: "t/" + name, text: name})
	}
	for i := range 200 { // more than are kept open
		entries = append(entries, entry{name: fmt.Sprintf("t/d%d/a", i%100), text: fmt.Sprint(i)})
	}
	sum, err := folder.Unpack(t.Context(), stream(entries...), y.target, folder.Options{Owners: os.Geteuid() == 0})
	y.must(err)
	if sum.Files != len(entries) || len(sum.Skipped) > 0 {
		t.Errorf("unpacked %+v of %d", sum, len(entries))
	}
	for _, name := range odd {
		if text, err := os.ReadFile(filepath.Join(y.target, "t", name)); err != nil || string(text) != name {
			t.Errorf("%q has %q, %v", name, text, err)
		}
	}
	for name, mode := range map[string]fs.FileMode{"t": 0o555, "t/empty": 0o700, "t/setuid": 0o755, "t/none": 0o400} {
		info, err := os.Lstat(filepath.Join(y.target, name))
		y.must(err)
		if info.Mode()&^fs.ModeDir != mode || info.ModTime().Unix() != 1e9 {
			t.Errorf("%s is %v of %s", name, info.Mode(), info.ModTime())
		}
	}
	os.Chmod(filepath.Join(y.target, "t"), 0o755) // or else it cannot be deleted
	y.untouched()
}

func TestInAStreamTheLastOfANameIsUnpacked(t *testing.T) {
	y := newYard(t)
	y.must(y.unpack(entry{name: "a", text: "1"}, entry{name: "a", text: "2"}, entry{name: "b", text: "x"},
		entry{name: "b", kind: tar.TypeSymlink, link: "a"}, entry{name: "c/", kind: tar.TypeDir}, entry{name: "c/", kind: tar.TypeDir}))
	if text, _ := os.ReadFile(filepath.Join(y.target, "b")); string(text) != "2" {
		t.Errorf("through the link there is %q", text)
	}
	if err := y.unpack(entry{name: "c", text: "file"}); !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), "there is a directory") {
		t.Errorf("a file in place of a directory: %v", err)
	}
	if err := y.unpack(entry{name: "a/b", text: "file"}); !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file below a file: %v", err)
	}
}

func TestDevicesAndHardLinksAreLeftOut(t *testing.T) {
	y := newYard(t)
	sum, err := folder.Unpack(t.Context(), stream(entry{name: "null", kind: tar.TypeChar}, entry{name: "fifo", kind: tar.TypeFifo},
		entry{name: "hard", kind: tar.TypeLink, link: "../victim"}, entry{name: "a", text: "x"}), y.target, folder.Options{})
	if y.must(err); len(sum.Skipped) != 3 || sum.Files != 1 || !slices.Equal(names(y.target), []string{"a"}) {
		t.Errorf("unpacked %+v", sum)
	}
}

func TestAStreamThatBreaksOffLeavesWholeFilesOnly(t *testing.T) {
	whole := stream(entry{name: "a", text: "first"}, entry{name: "b", text: strings.Repeat("second", 1000)}).Bytes()
	for _, n := range []int{100, 600, 1024, 1700, 2100, 5000} {
		y := newYard(t)
		_, err := folder.Unpack(t.Context(), io.MultiReader(bytes.NewReader(whole[:n]), broken{}), y.target, folder.Options{})
		if !errors.Is(err, errBroken) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if info, err := os.Stat(filepath.Join(y.target, "b")); err == nil {
			t.Errorf("%d bytes: there is a part of %d bytes", n, info.Size())
		}
		y.untouched()
	}
}

var errBroken = errors.New("it broke")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestAStreamWithoutItsEndIsNoSuccess(t *testing.T) {
	whole := stream(entry{name: "a", text: "first"}, entry{name: "b", text: "second"}).Bytes()
	for _, n := range []int{0, 1024, len(whole) - 1024} {
		y := newYard(t)
		if _, err := folder.Unpack(t.Context(), bytes.NewReader(whole[:n]), y.target, folder.Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
}

func TestAnEnormousSizeIsNotBelieved(t *testing.T) {
	y := newYard(t)
	var b bytes.Buffer
	tar.NewWriter(&b).WriteHeader(&tar.Header{Format: tar.FormatGNU, Name: "a", Typeflag: tar.TypeReg, Size: 1 << 62})
	b.WriteString("little")
	if _, err := folder.Unpack(t.Context(), &b, y.target, folder.Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("it said %v", err)
	}
	if got := names(y.target); len(got) > 0 {
		t.Errorf("there is %q", got)
	}
}

// A sparse file of an enormous size takes a few bytes in a stream.
func TestWhatIsLeftOutIsNotReadThrough(t *testing.T) {
	y := newYard(t)
	whole := stream(entry{name: "sparse", kind: tar.TypeGNUSparse}, entry{name: "a", text: "x"}).Bytes()
	// The real size stands at 483, in base 256; then the sum of the header is another.
	copy(whole[483:], []byte{0x80, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0})
	copy(whole[148:156], "        ")
	sum := 0
	for _, b := range whole[:512] {
		sum += int(b)
	}
	copy(whole[148:156], fmt.Sprintf("%06o\x00 ", sum))
	got, err := folder.Unpack(t.Context(), bytes.NewReader(whole), y.target, folder.Options{})
	if err != nil || got.Files != 1 || len(got.Skipped) != 1 {
		t.Errorf("unpacked %+v, %v", got, err)
	}
}

func TestAnUnpackThatIsCancelledLeavesNothingHalfMade(t *testing.T) {
	y := newYard(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	from := io.MultiReader(bytes.NewReader(stream(entry{name: "a", text: strings.Repeat("x", 1<<20)}).Bytes()[:500_000]), cancelling{func() { cancel(why) }}, broken{})
	if _, err := folder.Unpack(ctx, from, y.target, folder.Options{}); !errors.Is(err, why) {
		t.Errorf("it said %v", err)
	}
	if got := names(y.target); len(got) > 0 {
		t.Errorf("there is %q", got)
	}
}

// cancelling does something when it is read, and is empty.
type cancelling struct{ do func() }

func (c cancelling) Read(p []byte) (int, error) {
	c.do()
	p[0] = 'x'
	return 1, io.EOF
}

func TestAFolderIsPackedAsItIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "packed")
	for _, at := range []string{dir, filepath.Join(dir, "sub")} {
		if err := os.Mkdir(at, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "new\nline"), []byte("text"), 0o600)
	os.Chmod(filepath.Join(dir, "new\nline"), 0o4710|fs.ModeSetuid)
	os.Symlink("/etc", filepath.Join(dir, "sub", "link"))
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ top, want string }{
		{dir, "packed/ 0750, packed/new\nline 4710 text, packed/sub/ 0750, packed/sub/link 0777 -> /etc"},
		{dir + "/", "packed/ 0750, packed/new\nline 4710 text, packed/sub/ 0750, packed/sub/link 0777 -> /etc"},
		{dir + "/new\nline", "new\nline 4710 text"},
		{dir + "/sub/link", "link 0777 -> /etc"},
		{dir + "/.", "new\nline 4710 text, sub/ 0750, sub/link 0777 -> /etc"},
	} {
		var b bytes.Buffer
		sum, err := folder.Pack(t.Context(), &b, test.top)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for r := tar.NewReader(&b); ; {
			h, err := r.Next()
			if err != nil {
				break
			}
			text, _ := io.ReadAll(r)
			line := fmt.Sprintf("%s %04o", h.Name, h.Mode)
			if len(text) > 0 {
				line += " " + string(text)
			}
			if h.Linkname != "" {
				line += " -> " + h.Linkname
			}
			got = append(got, line)
		}
		if all := strings.Join(got, ", "); all != test.want || sum.Files != len(got) {
			t.Errorf("%q is packed as\n%q, not\n%q: %+v", test.top, all, test.want, sum)
		}
	}
	if _, err := folder.Pack(t.Context(), io.Discard, filepath.Join(dir, "nope")); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("what is not there: %v", err)
	}
}

// FuzzUnpack unpacks whatever comes: nothing may be written outside.
func FuzzUnpack(f *testing.F) {
	f.Add(stream(entry{name: "a/b", text: "x"}, entry{name: "l", kind: tar.TypeSymlink, link: "../victim"}, entry{name: "l", text: "x"}).Bytes())
	f.Add(stream(entry{name: "d", kind: tar.TypeSymlink, link: "../dir"}, entry{name: "d/evil", text: "x"}).Bytes())
	f.Add(stream(entry{name: "../victim", text: "evil"}).Bytes())
	f.Add(stream(entry{name: "h", kind: tar.TypeLink, link: "../victim"}, entry{name: "./h//x", text: "x"}).Bytes())
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, text []byte) {
		y := newYard(t)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // a few bytes can stand for a file without end
		defer cancel()
		folder.Unpack(ctx, bytes.NewReader(text), y.target, folder.Options{})
		filepath.WalkDir(y.target, func(at string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				os.Chmod(at, 0o700)
			}
			return nil
		})
		y.untouched()
	})
}

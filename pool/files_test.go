package pool_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// inFiles runs f with a lease whose files can be worked with.
func inFiles(t *testing.T, o simbackend.Options, f func(*holder)) {
	t.Helper()
	inWorld(t, o, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1, Recycle: pool.ResetToSnapshot})
		f(&holder{w, w.acquire(pool.AcquireRequest{TTL: pool.Duration(time.Hour)})[0].Lease.ID})
	})
}

// holder has a lease.
type holder struct {
	*world
	id pool.LeaseID
}

func (h *holder) push(at, text string, o pool.PushOptions) {
	h.t.Helper()
	h.must(h.m.PushFile(h.ctx, h.id, at, strings.NewReader(text), o))
}

func (h *holder) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *holder) pull(at string) (pool.File, string) {
	h.t.Helper()
	var f pool.File
	var text bytes.Buffer
	h.must(h.m.PullFile(h.ctx, h.id, at, func(found pool.File) (io.Writer, error) { f = found; return &text, nil }))
	return f, text.String()
}

// names are those of what is in a directory.
func (h *holder) names(dir string) []string {
	h.t.Helper()
	list, err := h.m.ListFiles(h.ctx, h.id, dir)
	h.must(err)
	var names []string
	for _, f := range list {
		names = append(names, f.Name)
	}
	return names
}

// refused fails the test unless err is of a kind, on one line, and has the words.
func (h *holder) refused(err, kind error, words string) {
	h.t.Helper()
	if !errors.Is(err, kind) || !strings.HasPrefix(err.Error(), "cannot ") || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
		h.t.Errorf("said %v, want %q (%v)", err, words, kind)
	}
}

// entry is one thing in a tar stream.
type entry struct {
	name, text string
	kind       byte
	link       string
	mode       int64
	uid        int
}

func stream(entries ...entry) *bytes.Buffer {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		if e.mode == 0 {
			e.mode = 0o640
		}
		h := &tar.Header{Format: tar.FormatGNU, Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: e.mode,
			Size: int64(len(e.text)), Uid: e.uid, Gid: e.uid, ModTime: time.Unix(1e9, 0)}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, e.text)
	}
	w.Close()
	return &b
}

// oddNames are names that a file may have.
var oddNames = []string{
	"-rf", "new\nline", "ünïcödé ☃", strings.Repeat("n", 255), "\xff\xfe", "a b", `back\slash`, "tab\t", `'"`, "*", "...", "%2e%2e", "\x7f\x01",
}

// describe tells everything about what is in a stream, sorted; of links without
// their time, which cannot be set.
func describe(t *testing.T, from io.Reader) []string {
	t.Helper()
	var all []string
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if err == io.EOF {
			slices.Sort(all)
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeSymlink {
			h.ModTime = time.Unix(0, 0)
		}
		all = append(all, fmt.Sprintf("%q %c %04o %d:%d %d %q %.20q %d", h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), h.Linkname, content, len(content)))
	}
}

func TestAPushedFileHasItsContentModeAndOwner(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		mode, uid, gid := pool.FileMode(0o4750), 1000, 1001
		h.push("/srv/a", "hello", pool.PushOptions{Mode: &mode, UID: &uid, GID: &gid})
		if f, text := h.pull("/srv/a"); text != "hello" || f.Mode != mode || f.UID != uid || f.GID != gid || f.Size != 5 || f.Name != "a" {
			t.Errorf("pulled %q, %+v", text, f)
		}
		h.push("/srv/a", "again", pool.PushOptions{})
		if f, text := h.pull("/srv/a"); text != "again" || f.Mode != mode || f.UID != uid {
			t.Errorf("replaced, it is %q, %+v", text, f)
		}
		h.push("/srv/b", "", pool.PushOptions{})
		if f, text := h.pull("/srv/b"); text != "" || f.Mode != 0o644 || f.UID != 0 {
			t.Errorf("the empty one is %q, %+v", text, f)
		}
		h.push("/srv/x/y/z", "deep", pool.PushOptions{Parents: true})
		if _, text := h.pull("/srv/x/y/z"); text != "deep" {
			t.Errorf("below new directories there is %q", text)
		}
	})
}

func TestALargeFileArrivesAsItWas(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		large := strings.Repeat("0123456789abcdef", 700_000) // not a whole number of pieces
		h.push("/srv/large", large, pool.PushOptions{})
		if _, text := h.pull("/srv/large"); text != large {
			t.Error("it is another one")
		}
		var b bytes.Buffer
		sum, err := h.m.PullTree(h.ctx, h.id, "/srv/large", &b)
		h.must(err)
		if sum.Files != 1 || sum.Bytes != int64(len(large)) {
			t.Errorf("pulled %+v", sum)
		}
		_, err = h.m.PushTree(h.ctx, h.id, "/tmp", &b, pool.PushOptions{})
		h.must(err)
		if _, text := h.pull("/tmp/large"); text != large {
			t.Error("through a stream it is another one")
		}
	})
}

func TestAPushThroughALinkWritesWhereItLeads(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		_, err := h.m.PushTree(h.ctx, h.id, "/", stream(
			entry{name: "srv/real/file", text: "old"},
			entry{name: "home/dir", kind: tar.TypeSymlink, link: "../srv/real/sub"},
			entry{name: "srv/real/sub/", kind: tar.TypeDir, mode: 0o755},
			entry{name: "srv/real/sub/link", kind: tar.TypeSymlink, link: "../file"},
		), pool.PushOptions{})
		h.must(err)
		// "/home/dir/link" is "/srv/real/sub/link", whose ".." is "/srv/real".
		h.push("/home/dir/link", "new", pool.PushOptions{})
		if _, text := h.pull("/srv/real/file"); text != "new" {
			t.Errorf("the file has %q", text)
		}
		list, err := h.m.ListFiles(h.ctx, h.id, "/srv/real/sub")
		h.must(err)
		if len(list) != 1 || list[0].Type != pool.Symlink || list[0].Target != "../file" {
			t.Errorf("the directory has %+v", list)
		}
	})
}

// failingReader gives some of its text and then fails.
type failingReader struct {
	io.Reader
	err error
}

func (r failingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

func TestAPushThatFailsLeavesWhatWasThere(t *testing.T) {
	inFiles(t, simbackend.Options{Space: 4 << 20}, func(h *holder) {
		h.push("/srv/a", "old", pool.PushOptions{})
		broken := errors.New("the reader broke")
		for why, from := range map[string]io.Reader{
			"broken": failingReader{strings.NewReader("new"), broken},
			"early":  failingReader{strings.NewReader("new"), io.ErrUnexpectedEOF},
			"space":  strings.NewReader(strings.Repeat("x", 5<<20)),
		} {
			err := h.m.PushFile(h.ctx, h.id, "/srv/a", from, pool.PushOptions{})
			switch why {
			case "broken":
				if !errors.Is(err, broken) {
					t.Errorf("%s: %v", why, err)
				}
			case "space":
				h.refused(err, pool.ErrFailed, "cannot push /srv/a: no space left on device")
			default:
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s: %v", why, err)
				}
			}
			if _, text := h.pull("/srv/a"); text != "old" {
				t.Errorf("%s: it has %q", why, text)
			}
			if names := h.names("/srv"); !slices.Equal(names, []string{"a"}) {
				t.Errorf("%s: there is %q", why, names)
			}
		}
	})
}

func TestWhatCannotBeTransferredIsSaidInOneLine(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		h.push("/srv/file", "text", pool.PushOptions{})
		_, err := h.m.PushTree(h.ctx, h.id, "/srv", stream(
			entry{name: "loop", kind: tar.TypeSymlink, link: "loop"},
			entry{name: "full/file"},
		), pool.PushOptions{})
		h.must(err)
		pull := func(at string) error {
			return h.m.PullFile(h.ctx, h.id, at, func(pool.File) (io.Writer, error) {
				t.Errorf("%s is to be written", at)
				return io.Discard, nil
			})
		}
		push := func(at string) error {
			return h.m.PushFile(h.ctx, h.id, at, strings.NewReader("new"), pool.PushOptions{})
		}
		h.refused(pull("/nope"), pool.ErrNotFound, "no such file")
		h.refused(pull("/srv/file/x"), pool.ErrInvalid, "not a directory")
		h.refused(pull("/srv"), pool.ErrInvalid, "it is a directory; pull it with all that is in it (-r)")
		h.refused(pull("/srv/../etc/hostname"), pool.ErrInvalid, `the path has ".."`)
		h.refused(pull("etc/hostname"), pool.ErrInvalid, "not absolute")
		h.refused(pull("/a\x00b"), pool.ErrInvalid, "byte 0")
		h.refused(pull("/srv/loop"), pool.ErrInvalid, "too many levels of symbolic links")
		h.refused(pull("/run/initctl"), pool.ErrInvalid, "it is a fifo")
		h.refused(push("/srv/loop"), pool.ErrInvalid, "too many levels of symbolic links")
		h.refused(push("/srv/full"), pool.ErrInvalid, "it is a directory")
		h.refused(push("/srv/"), pool.ErrInvalid, "path of a directory")
		h.refused(push("/srv/no/file"), pool.ErrNotFound, "there is no directory /srv/no; make it too (-p)")
		h.refused(push("/srv/file/x"), pool.ErrInvalid, "not a directory")
		h.refused(push("/dev/null"), pool.ErrInvalid, "there is a device")
		h.refused(push("/srv/"+strings.Repeat("n", 256)), pool.ErrInvalid, "file name too long")
		h.refused(h.m.DeleteFile(h.ctx, h.id, "/srv/full", false), pool.ErrInvalid, "not empty; delete it with all that is in it (-r)")
		h.refused(h.m.DeleteFile(h.ctx, h.id, "/", true), pool.ErrInvalid, "nothing would be left")
		h.refused(h.m.DeleteFile(h.ctx, h.id, "/srv/../..", true), pool.ErrInvalid, `".."`)
		_, err = h.m.PushTree(h.ctx, h.id, "/srv/file", stream(), pool.PushOptions{})
		h.refused(err, pool.ErrInvalid, "no directory")
		_, err = h.m.PushTree(h.ctx, h.id, "/srv/none", stream(), pool.PushOptions{})
		h.refused(err, pool.ErrNotFound, "no such directory")
		if names := h.names("/srv"); !slices.Equal(names, []string{"file", "full", "loop"}) {
			t.Errorf("afterwards there is %q", names)
		}
	})
}

func TestATreeGoesThereAndBackAsItIs(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		entries := []entry{
			{name: "tree/", kind: tar.TypeDir, mode: 0o2750, uid: 7},
			{name: "tree/empty/", kind: tar.TypeDir, mode: 0o700},
			{name: "tree/dangling", kind: tar.TypeSymlink, link: "/no/where", mode: 0o777},
			{name: "tree/up", kind: tar.TypeSymlink, link: "../../../../etc", mode: 0o777},
			{name: "tree/loop", kind: tar.TypeSymlink, link: "loop", mode: 0o777},
			{name: "tree/setuid", text: "x", mode: 0o4755, uid: 1 << 22},
			{name: "tree/none", text: "", mode: 0o600},
			{name: "tree/large", text: strings.Repeat("large", 1<<18)},
		}
		for i, name := range oddNames {
			entries = append(entries, entry{name: "tree/" + name, text: name, uid: i})
		}
		for i := range 300 {
			entries = append(entries, entry{name: fmt.Sprintf("tree/many/%d/%d", i%7, i), text: fmt.Sprint(i)})
		}
		sum, err := h.m.PushTree(h.ctx, h.id, "/srv/a", stream(entries...), pool.PushOptions{Parents: true})
		h.must(err)
		if sum.Files != len(entries) || len(sum.Skipped) > 0 {
			t.Errorf("pushed %+v of %d", sum, len(entries))
		}
		var first, second bytes.Buffer
		_, err = h.m.PullTree(h.ctx, h.id, "/srv/a/tree", &first)
		h.must(err)
		_, err = h.m.PushTree(h.ctx, h.id, "/srv/b", bytes.NewReader(first.Bytes()), pool.PushOptions{Parents: true})
		h.must(err)
		_, err = h.m.PullTree(h.ctx, h.id, "/srv/b/tree", &second)
		h.must(err)
		one, two := describe(t, &first), describe(t, &second)
		if !slices.Equal(one, two) {
			t.Errorf("there and back again it is\n%q\nafter\n%q", two, one)
		}
		for _, want := range describe(t, stream(entries...)) {
			if !slices.Contains(one, want) {
				t.Errorf("%s was lost", want)
			}
		}
	})
}

func TestWhatIsNoFileIsLeftOutAndNoted(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		var b bytes.Buffer
		sum, err := h.m.PullTree(h.ctx, h.id, "/", &b)
		h.must(err)
		var why []string
		for _, s := range sum.Skipped {
			why = append(why, s.Path+" "+s.Why)
		}
		slices.Sort(why)
		want := []string{"/dev/null it is a device", "/proc it is a directory that the kernel makes up",
			"/run/initctl it is a fifo", "/run/log it is a socket", "/sys it is a directory that the kernel makes up"}
		if !slices.Equal(why, want) {
			t.Errorf("left out were %q", why)
		}
		if !slices.ContainsFunc(describe(t, &b), func(line string) bool { return strings.HasPrefix(line, `"etc/hostname" 0 0644`) }) {
			t.Errorf("the stream of / has no etc/hostname")
		}
		sum, err = h.m.PushTree(h.ctx, h.id, "/srv", stream(
			entry{name: "fifo", kind: tar.TypeFifo}, entry{name: "null", kind: tar.TypeChar}, entry{name: "file", text: "x"}), pool.PushOptions{})
		h.must(err)
		if len(sum.Skipped) != 2 || sum.Files != 1 || !slices.Equal(h.names("/srv"), []string{"file"}) {
			t.Errorf("pushed %+v", sum)
		}
	})
}

func TestManyThatAreLeftOutAreCounted(t *testing.T) {
	var sum pool.Transfer
	for i := range 40 {
		sum.Skip(fmt.Sprint(i), "it is a fifo")
	}
	if len(sum.Skipped)+sum.SkippedMore != 40 || sum.SkippedMore == 0 {
		t.Errorf("%d and %d", len(sum.Skipped), sum.SkippedMore)
	}
}

func TestAHostileStreamIsRefused(t *testing.T) {
	for name, e := range map[string][]entry{
		"absolute":       {{name: "/etc/evil"}},
		"up":             {{name: "../evil"}},
		"up inside":      {{name: "a/../../evil"}},
		"up at the end":  {{name: "a/.."}},
		"through a link": {{name: "a", kind: tar.TypeSymlink, link: "/etc"}, {name: "a/evil"}},
		"through a link as a directory": {{name: "a", kind: tar.TypeSymlink, link: "/etc"},
			{name: "a/", kind: tar.TypeDir}, {name: "a/evil"}},
		"below a link":       {{name: "a/b", kind: tar.TypeSymlink, link: "/etc"}, {name: "./a//b/c/evil"}},
		"hard link outside":  {{name: "evil", kind: tar.TypeLink, link: "../../etc/hostname"}},
		"hard link absolute": {{name: "evil", kind: tar.TypeLink, link: "/etc/hostname"}},
		"no name":            {{name: "./", kind: tar.TypeDir}, {name: ".", text: "evil"}},
	} {
		inFiles(t, simbackend.Options{}, func(h *holder) {
			_, err := h.m.PushTree(h.ctx, h.id, "/srv", stream(e...), pool.PushOptions{})
			if !errors.Is(err, pool.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
			for _, dir := range []string{"/", "/etc", "/srv"} {
				if slices.Contains(h.names(dir), "evil") {
					t.Errorf("%s: it is in %s", name, dir)
				}
			}
		})
	}
}

func TestInAStreamTheLastOfANameCounts(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		_, err := h.m.PushTree(h.ctx, h.id, "/srv", stream(
			entry{name: "a", text: "1"}, entry{name: "a", text: "2"}, entry{name: "a", text: "3"},
			entry{name: "b", kind: tar.TypeSymlink, link: "a"}, entry{name: "b", text: "file"},
			entry{name: "c", text: "file"}, entry{name: "c", kind: tar.TypeSymlink, link: "a"},
			entry{name: "d", kind: tar.TypeLink, link: "a"}, entry{name: "e/", kind: tar.TypeDir}, entry{name: "e/", kind: tar.TypeDir},
		), pool.PushOptions{})
		h.must(err)
		for at, want := range map[string]string{"/srv/a": "3", "/srv/b": "file", "/srv/c": "3", "/srv/d": "3"} {
			if _, text := h.pull(at); text != want {
				t.Errorf("%s has %q, want %q", at, text, want)
			}
		}
		if got := h.names("/srv"); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
			t.Errorf("there is %q", got)
		}
		_, err = h.m.PushTree(h.ctx, h.id, "/srv", stream(entry{name: "e", text: "file"}), pool.PushOptions{})
		h.refused(err, pool.ErrInvalid, "there is a directory")
	})
}

func TestAStreamThatBreaksOffIsNoSuccess(t *testing.T) {
	whole := stream(entry{name: "a", text: "first"}, entry{name: "b", text: "second"}).Bytes()
	for _, n := range []int{0, 100, 512, 600, 1024, 1500, 2048, len(whole) - 1024} {
		inFiles(t, simbackend.Options{}, func(h *holder) {
			_, err := h.m.PushTree(h.ctx, h.id, "/srv", bytes.NewReader(whole[:n]), pool.PushOptions{})
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d bytes of %d: %v", n, len(whole), err)
			}
			for _, name := range h.names("/srv") {
				if name != "a" && name != "b" {
					t.Errorf("%d bytes left %q", n, name)
				}
			}
		})
	}
	inFiles(t, simbackend.Options{}, func(h *holder) {
		_, err := h.m.PushTree(h.ctx, h.id, "/srv", strings.NewReader(strings.Repeat("no tar at all ", 100)), pool.PushOptions{})
		h.refused(err, pool.ErrInvalid, "not tar")
	})
}

func TestATransferEndsWithItsLease(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		h.push("/srv/large", strings.Repeat("x", 10<<20), pool.PushOptions{})
		ended := make(chan error, 4)
		for _, transfer := range []func(net.Conn) error{
			func(c net.Conn) error {
				return h.m.PullFile(h.ctx, h.id, "/srv/large", func(pool.File) (io.Writer, error) { return c, nil })
			},
			func(c net.Conn) error { return h.m.PushFile(h.ctx, h.id, "/srv/new", c, pool.PushOptions{}) },
			func(c net.Conn) error { _, err := h.m.PullTree(h.ctx, h.id, "/srv", c); return err },
			func(c net.Conn) error {
				_, err := h.m.PushTree(h.ctx, h.id, "/srv", c, pool.PushOptions{})
				return err
			},
		} {
			near, far := net.Pipe()
			defer far.Close()
			go func() { ended <- transfer(near) }()
		}
		synctest.Wait() // nobody is at the other end
		time.Sleep(time.Hour)
		for range 4 {
			if err := <-ended; !errors.Is(err, pool.ErrLeaseEnded) {
				t.Errorf("it ended with %v", err)
			}
		}
	})
}

func TestTheNextHolderFindsNothingOfTheFiles(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		h.push("/srv/secret", "x", pool.PushOptions{})
		h.must(h.m.DeleteFile(h.ctx, h.id, "/etc/hostname", false))
		_, err := h.m.Release(h.ctx, h.id, "")
		h.must(err)
		next := &holder{h.world, h.acquire(pool.AcquireRequest{Wait: pool.WaitForever})[0].Lease.ID}
		if got := next.names("/srv"); len(got) > 0 {
			t.Errorf("there is %q", got)
		}
		if _, text := next.pull("/etc/hostname"); text == "" {
			t.Error("it has no name")
		}
	})
}

func TestATransferThatIsCancelledLeavesNothingHalfMade(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		near, far := net.Pipe()
		ctx, cancel := context.WithCancelCause(h.ctx)
		ended := make(chan error, 1)
		go func() { ended <- h.m.PushFile(ctx, h.id, "/srv/new", near, pool.PushOptions{}) }()
		far.Write(make([]byte, 3<<20))
		why := errors.New("enough")
		cancel(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("it ended with %v", err)
		}
		if got := h.names("/srv"); len(got) > 0 {
			t.Errorf("there is %q", got)
		}
	})
}

// swapper puts a fifo in the place of a file once the first of a tree is read.
type swapper struct {
	h    *holder
	once bool
	to   bytes.Buffer
}

func (s *swapper) Write(p []byte) (int, error) {
	if !s.once {
		s.once = true
		s.h.must(s.h.m.DeleteFile(s.h.ctx, s.h.id, "/srv/last", false))
		s.h.lxd.Fifo(s.h.instance(), "/srv/last")
	}
	return s.to.Write(p)
}

func (h *holder) instance() pool.InstanceName {
	g, err := h.m.Lease(h.ctx, h.id)
	h.must(err)
	return g.Lease.Instance
}

func TestAFileThatTurnsIntoAFifoIsNotWaitedForBeyondTheEnd(t *testing.T) {
	inFiles(t, simbackend.Options{}, func(h *holder) {
		h.push("/srv/last", strings.Repeat("x", 1<<20), pool.PushOptions{})
		ctx, cancel := context.WithTimeout(h.ctx, time.Minute)
		defer cancel()
		sum, err := h.m.PullTree(ctx, h.id, "/srv", &swapper{h: h})
		if err != nil || len(sum.Skipped) != 1 {
			t.Errorf("it ended with %+v, %v", sum, err)
		}
	})
}

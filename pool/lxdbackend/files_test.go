package lxdbackend_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
)

// holder has a lease of a real instance.
type holder struct {
	*room
	m     *pool.Manager
	lease *pool.Lease
}

// hold opens a pool of one and takes it.
func hold(t *testing.T) *holder {
	r := alone(t)
	m, err := pool.NewManager(t.Context(), pool.Options{Backend: r.b, Store: memstore.New(r.manager)})
	r.must(err)
	t.Cleanup(func() { r.must(m.Close()) })
	_, err = m.CreatePool(t.Context(), "files", pool.Spec{Image: busybox, Size: 1, Max: 1, Recycle: pool.ResetToSnapshot})
	r.must(err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		r.must(m.DeletePool(ctx, "files", true, "root"))
	})
	h := &holder{room: r, m: m}
	h.acquire()
	h.sh("mkdir -p /srv /mnt") // the image has neither
	return h
}

func (h *holder) acquire() {
	h.Helper()
	grants, err := h.m.Acquire(h.Context(), pool.AcquireRequest{Pool: "files", Holder: "user:a", Wait: pool.Duration(2 * time.Minute)})
	h.must(err)
	h.lease = grants[0].Lease
}

func (h *holder) order() pool.Order {
	return pool.Order{Manager: h.manager, Pool: "files", Instance: h.lease.Instance, Spec: &pool.Spec{}}
}

func (h *holder) sh(script string) string {
	h.Helper()
	return h.run(h.order(), script)
}

func (h *holder) pushTree(at string, from io.Reader) pool.Transfer {
	h.Helper()
	sum, err := h.m.PushTree(h.Context(), h.lease.ID, at, from, pool.PushOptions{Parents: true})
	h.must(err)
	return sum
}

func (h *holder) pullTree(at string) (*bytes.Buffer, pool.Transfer) {
	h.Helper()
	var b bytes.Buffer
	sum, err := h.m.PullTree(h.Context(), h.lease.ID, at, &b)
	h.must(err)
	return &b, sum
}

func (h *holder) pull(at string) (string, error) {
	var b strings.Builder
	err := h.m.PullFile(h.Context(), h.lease.ID, at, func(pool.File) (io.Writer, error) { return &b, nil })
	return b.String(), err
}

// entries reads a stream: everything but the owner and time of links, by name.
func entries(t testing.TB, from io.Reader) map[string]string {
	t.Helper()
	all := map[string]string{}
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		when := h.ModTime.Unix()
		if h.Typeflag == tar.TypeSymlink {
			h.Uid, h.Gid, when = 0, 0, 0
		}
		all[h.Name] = fmt.Sprintf("%c %04o %d:%d %d %q %d %.30q", h.Typeflag, h.Mode, h.Uid, h.Gid, when, h.Linkname, len(content), content)
	}
}

// oddTree is a tree of everything that is transferred.
func oddTree() *bytes.Buffer {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(kind byte, name, text, link string, mode int64, owner int) {
		h := &tar.Header{Format: tar.FormatGNU, Typeflag: kind, Name: name, Linkname: link, Size: int64(len(text)),
			Mode: mode, Uid: owner, Gid: owner + 1, ModTime: time.Unix(1_000_000_000, 0)}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		io.WriteString(w, text)
	}
	add(tar.TypeDir, "odd/", "", "", 0o2755, 7)
	add(tar.TypeDir, "odd/empty/", "", "", 0o500, 1000)
	for _, name := range []string{"-rf", "new\nline", "ünïcödé ☃", strings.Repeat("n", 255), "\xff\xfe", `back\slash`, `'"`, "..."} {
		add(tar.TypeReg, "odd/"+name, name, "", 0o640, 1000)
	}
	add(tar.TypeSymlink, "odd/dangling", "", "/no/where", 0o777, 0)
	add(tar.TypeSymlink, "odd/up", "", "../../../../../../etc", 0o777, 0)
	add(tar.TypeSymlink, "odd/loop", "", "loop", 0o777, 0)
	add(tar.TypeReg, "odd/setuid", "x", "", 0o4755, 0)
	add(tar.TypeReg, "odd/none", "", "", 0, 65534)
	add(tar.TypeReg, "odd/large", strings.Repeat("0123456789abcdef", 400_000), "", 0o600, 0)
	add(tar.TypeDir, "odd/deep/", "", "", 0o755, 0)
	for i := range 500 {
		add(tar.TypeReg, fmt.Sprintf("odd/deep/%03d", i), fmt.Sprint(i), "", 0o644, i)
	}
	w.Close()
	return &b
}

// What is done with the files of one real instance; the last stops it.
func TestTheFilesOfARealInstance(t *testing.T) {
	t.Parallel()
	h := hold(t)
	for _, part := range []struct {
		name string
		run  func(*holder, *testing.T)
	}{
		{"ATreeGoesIntoARealInstanceAndBackAsItIs", (*holder).aTreeGoesIntoARealInstanceAndBackAsItIs},
		{"NoPathLeavesARealInstance", (*holder).noPathLeavesARealInstance},
		{"WhatIsNoFileInARealInstanceIsLeftOut", (*holder).whatIsNoFileInARealInstanceIsLeftOut},
		{"ARealInstanceWithoutSpaceKeepsItsFiles", (*holder).aRealInstanceWithoutSpaceKeepsItsFiles},
		{"APushThatIsCancelledLeavesNothingInARealInstance", (*holder).aPushThatIsCancelledLeavesNothingInARealInstance},
		{"AFifoInThePlaceOfAFileHoldsUpNobody", (*holder).aFifoInThePlaceOfAFileHoldsUpNobody},
		{"FilesOfFrozenAndStoppedInstancesAreReached", (*holder).filesOfFrozenAndStoppedInstancesAreReached},
	} {
		t.Run(part.name, func(t *testing.T) {
			inner := *h.room
			inner.TB = t
			part.run(&holder{&inner, h.m, h.lease}, t)
			if !t.Failed() && strings.HasPrefix(string(h.seen(h.order()).Status), "running") {
				h.sh("umount /mnt 2>/dev/null; rm -rf /srv/* /srv/.[!.]*")
			}
		})
	}
}

func (h *holder) aTreeGoesIntoARealInstanceAndBackAsItIs(t *testing.T) {
	h.pushTree("/srv/one", oddTree())
	got, sum := h.pullTree("/srv/one/odd")
	want := entries(t, oddTree())
	if have := entries(t, bytes.NewReader(got.Bytes())); !maps.Equal(have, want) || sum.Files != len(want) {
		for name := range want {
			if have[name] != want[name] {
				t.Errorf("%q is\n%s, not\n%s", name, have[name], want[name])
			}
		}
		t.Errorf("%d of %d came back: %+v", len(have), len(want), sum)
	}
	if out := h.sh(`cd /srv/one/odd && stat -c '%a %u:%g %Y' setuid empty deep/007 && cat ./-rf && readlink up && find /srv -name '.lxd-pool-*'`); out !=
		"4755 0:1 1000000000\n500 1000:1001 1000000000\n644 7:8 1000000000\n-rf../../../../../../etc" {
		t.Errorf("inside it is %q", out)
	}
	h.must(h.m.DeleteFile(t.Context(), h.lease.ID, "/srv/one", true))
	if out := h.sh("ls -A /srv; ls /etc/passwd"); out != "/etc/passwd" {
		t.Errorf("deleted, there is %q", out)
	}
}

func (h *holder) noPathLeavesARealInstance(t *testing.T) {
	h.sh(`mkdir -p /srv/d && ln -s ../../../../../../../../etc/hostname /srv/up && ln -s /etc/hostname /srv/abs && ln -s / /srv/d/root`)
	name := h.sh("cat /etc/hostname")
	for _, at := range []string{"/srv/up", "/srv/abs", "/srv/d/root/etc/hostname", "/srv/d/root/srv/d/root/etc/hostname"} {
		if text, err := h.pull(at); err != nil || strings.TrimSpace(text) != name {
			t.Errorf("%s has %q, %v; the instance is %q", at, text, err, name)
		}
	}
	h.must(h.m.PushFile(t.Context(), h.lease.ID, "/srv/d/root/srv/up", strings.NewReader("renamed\n"), pool.PushOptions{}))
	if out := h.sh("cat /etc/hostname"); out != "renamed" {
		t.Errorf("pushed through links, the file has %q", out)
	}
	if _, err := h.pull("/../../../etc/hostname"); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("with ..: %v", err)
	}
}

func (h *holder) whatIsNoFileInARealInstanceIsLeftOut(t *testing.T) {
	h.sh(`cd /srv && mkfifo fifo && echo x >file`)
	stream, sum := h.pullTree("/srv")
	if len(sum.Skipped) != 1 || sum.Skipped[0] != (pool.SkippedFile{Path: "/srv/fifo", Why: "it is a fifo"}) {
		t.Errorf("left out was %+v", sum.Skipped)
	}
	if names := slices.Sorted(maps.Keys(entries(t, stream))); !slices.Equal(names, []string{"srv/", "srv/file"}) {
		t.Errorf("pulled %q", names)
	}
	if text, err := h.pull("/proc/version"); err != nil || !strings.HasPrefix(text, "Linux") {
		t.Errorf("a file that the kernel makes up has %q, %v", text, err)
	}
}

func (h *holder) aRealInstanceWithoutSpaceKeepsItsFiles(t *testing.T) {
	h.sh(`mount -t tmpfs -o size=1m none /mnt && echo old >/mnt/a`)
	err := h.m.PushFile(t.Context(), h.lease.ID, "/mnt/a", bytes.NewReader(make([]byte, 4<<20)), pool.PushOptions{})
	if err == nil || err.Error() != "cannot push /mnt/a: no space left on device" {
		t.Errorf("it said %v", err)
	}
	if out := h.sh("ls -A /mnt; cat /mnt/a"); out != "a\nold" {
		t.Errorf("there is %q", out)
	}
}

func (h *holder) aPushThatIsCancelledLeavesNothingInARealInstance(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	go func() {
		writer.Write(make([]byte, 8<<20))
		cancel()
		writer.CloseWithError(errors.New("cut"))
	}()
	if err := h.m.PushFile(ctx, h.lease.ID, "/srv/half", reader, pool.PushOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if out := h.sh("ls -A /srv"); out != "" {
		t.Errorf("there is %q", out)
	}
}

func (h *holder) filesOfFrozenAndStoppedInstancesAreReached(t *testing.T) {
	for _, action := range []string{"freeze", "unfreeze", "stop"} {
		admin(t).ask("PUT", where(h.lease.Instance, "/state"), map[string]any{"action": action, "force": action == "stop"})
		at := "/srv/" + action
		h.must(h.m.PushFile(t.Context(), h.lease.ID, at, strings.NewReader(action), pool.PushOptions{}))
		if text, err := h.pull(at); err != nil || text != action {
			t.Errorf("after %s it has %q, %v", action, text, err)
		}
	}
	mode := pool.FileMode(0o4755)
	err := h.m.PushFile(t.Context(), h.lease.ID, "/srv/setuid", strings.NewReader("x"), pool.PushOptions{Mode: &mode})
	if err != nil && !errors.Is(err, pool.ErrUnsupported) {
		t.Errorf("set-uid while stopped: %v", err)
	}
}

// LXD cannot stop an instance while something of its own waits in it.
func (h *holder) aFifoInThePlaceOfAFileHoldsUpNobody(t *testing.T) {
	h.sh("mkfifo /srv/fifo")
	tree, err := h.b.OpenFiles(t.Context(), h.order())
	h.must(err)
	defer tree.Close()
	f, err := tree.Open("/srv/fifo")
	if err == nil {
		if _, err := f.ReadAt(make([]byte, 10), 0); err == nil {
			t.Error("it was read")
		}
		f.Close()
	}
	h.sh("cp /bin/busybox /srv/program; exec 3>&1 >/dev/null; /srv/program sleep 600 3>&- & echo $! >/tmp/pid")
	if text, err := h.pull("/srv/program"); err != nil || len(text) < 100_000 {
		t.Errorf("a program that runs: %d bytes, %v", len(text), err)
	}
}

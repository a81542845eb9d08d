package pooltest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var fileCases = []testCase{
	{"AFileIsPushedListedPulledAndDeleted", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		mode, uid, gid := pool.FileMode(0o4750), 1000, 1001
		text := strings.Repeat("0123456789", 300_000)
		const name = "new\nline \xff"
		b.must(b.alice.PushFile(b.Context(), id, "/srv/a/"+name, strings.NewReader(text), pool.PushOptions{Mode: &mode, UID: &uid, GID: &gid, Parents: true}))
		list, err := b.alice.ListFiles(b.Context(), id, "/srv/a")
		b.must(err)
		if len(list) != 1 || list[0].Name != name || list[0].Mode != mode || list[0].UID != uid || list[0].Size != int64(len(text)) {
			b.Fatalf("there is %+v", list)
		}
		var out strings.Builder
		b.must(b.alice.PullFile(b.Context(), id, "/srv/a/"+name, func(f pool.File) (io.Writer, error) {
			if f.Name != name || f.Mode != mode || f.UID != uid || f.GID != gid || f.Size != int64(len(text)) ||
				f.Type != pool.RegularFile || f.Modified.Unix() != list[0].Modified.Unix() {
				b.Errorf("it is %+v", f)
			}
			return &out, nil
		}))
		if out.String() != text {
			b.Errorf("%d bytes came, of %d", out.Len(), len(text))
		}
		b.must(b.alice.DeleteFile(b.Context(), id, "/srv/a", true))
		if _, err := b.alice.ListFiles(b.Context(), id, "/srv/a"); !errors.Is(err, pool.ErrNotFound) {
			b.Errorf("deleted, it is listed: %v", err)
		}
	}},
	{"ATreeIsPushedAndPulled", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		var stream, back bytes.Buffer
		w := tar.NewWriter(&stream)
		w.WriteHeader(&tar.Header{Name: "t/", Typeflag: tar.TypeDir, Mode: 0o755})
		w.WriteHeader(&tar.Header{Name: "t/a", Typeflag: tar.TypeReg, Mode: 0o644, Size: 5})
		w.Write([]byte("hello"))
		w.WriteHeader(&tar.Header{Name: "t/fifo", Typeflag: tar.TypeFifo})
		w.Close()
		sum, err := b.alice.PushTree(b.Context(), id, "/srv", &stream, pool.PushOptions{})
		b.must(err)
		if sum.Files != 2 || sum.Bytes != 5 || len(sum.Skipped) != 1 || sum.Skipped[0].Path != "t/fifo" {
			b.Errorf("pushed %+v", sum)
		}
		sum, err = b.alice.PullTree(b.Context(), id, "/srv/t", &back)
		b.must(err)
		if sum.Files != 2 || sum.Bytes != 5 {
			b.Errorf("pulled %+v", sum)
		}
		r := tar.NewReader(&back)
		for _, want := range []string{"t/", "t/a"} {
			if h, err := r.Next(); err != nil || h.Name != want {
				b.Fatalf("the stream has %+v, %v", h, err)
			}
		}
	}},
	{"WhatCannotBeTransferredIsRefusedBeforeAnythingIsDone", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		var out bytes.Buffer
		never := func(pool.File) (io.Writer, error) { b.Error("it is to be written"); return io.Discard, nil }
		for what, check := range map[string]struct{ err, kind error }{
			"pull":      {b.alice.PullFile(b.Context(), id, "/nope", never), pool.ErrNotFound},
			"directory": {b.alice.PullFile(b.Context(), id, "/etc", never), pool.ErrInvalid},
			"dots":      {b.alice.PullFile(b.Context(), id, "/etc/../etc/hostname", never), pool.ErrInvalid},
			"push":      {b.alice.PushFile(b.Context(), id, "/no/file", zeros(100<<20), pool.PushOptions{}), pool.ErrNotFound},
			"tree":      {second(b.alice.PullTree(b.Context(), id, "/nope", &out)), pool.ErrNotFound},
			"into":      {second(b.alice.PushTree(b.Context(), id, "/no", zeros(100<<20), pool.PushOptions{})), pool.ErrNotFound},
			"no tar":    {second(b.alice.PushTree(b.Context(), id, "/srv", strings.NewReader(strings.Repeat("no tar", 1000)), pool.PushOptions{})), pool.ErrInvalid},
			"delete":    {b.alice.DeleteFile(b.Context(), id, "/nope", false), pool.ErrNotFound},
		} {
			if !errors.Is(check.err, check.kind) || !strings.HasPrefix(check.err.Error(), "cannot ") {
				b.Errorf("%s: %v", what, check.err)
			}
		}
		if out.Len() > 0 {
			b.Errorf("%d bytes were written", out.Len())
		}
	}},
	{"AnErrorOfTheCallersReaderOrWriterIsItsOwn", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{})[0].Lease.ID
		own := errors.New("my own")
		b.must(b.alice.PushFile(b.Context(), id, "/srv/large", zeros(3<<20), pool.PushOptions{}))
		bad := failing{own}
		for what, err := range map[string]error{
			"push":   b.alice.PushFile(b.Context(), id, "/srv/a", io.MultiReader(zeros(5<<20), bad), pool.PushOptions{}),
			"tree":   second(b.alice.PushTree(b.Context(), id, "/srv", bad, pool.PushOptions{})),
			"pull":   b.alice.PullFile(b.Context(), id, "/srv/large", func(pool.File) (io.Writer, error) { return bad, nil }),
			"none":   b.alice.PullFile(b.Context(), id, "/srv/large", func(pool.File) (io.Writer, error) { return nil, own }),
			"stream": second(b.alice.PullTree(b.Context(), id, "/srv", bad)),
		} {
			if !errors.Is(err, own) {
				b.Errorf("%s: %v", what, err)
			}
		}
		b.settle()
		list, err := b.alice.ListFiles(b.Context(), id, "/srv")
		if b.must(err); len(list) != 1 {
			b.Errorf("there is %+v", list)
		}
	}},
	{"ATransferEndsWithItsLease", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		id := b.acquire(b.alice, pool.AcquireRequest{TTL: pool.Duration(time.Minute)})[0].Lease.ID
		b.must(b.alice.PushFile(b.Context(), id, "/srv/large", zeros(20<<20), pool.PushOptions{}))
		ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
		defer cancel()
		drip := drip{ctx}
		ended := make(chan error, 2)
		go func() {
			ended <- b.alice.PullFile(b.Context(), id, "/srv/large", func(pool.File) (io.Writer, error) { return drip, nil })
		}()
		go func() { ended <- b.alice.PushFile(b.Context(), id, "/srv/new", drip, pool.PushOptions{}) }()
		for range 2 {
			if err := <-ended; !errors.Is(err, pool.ErrLeaseEnded) {
				b.Errorf("it ended with %v", err)
			}
		}
	}},
}

// zeros is that many bytes.
func zeros(n int64) io.Reader { return io.LimitReader(endless{}, n) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// failing fails in both directions.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// drip takes or gives a little every ten seconds, for as long as its context.
type drip struct{ ctx context.Context }

func (d drip) wait() error {
	select {
	case <-time.After(10 * time.Second):
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

func (d drip) Read(p []byte) (int, error)  { return min(len(p), 100), d.wait() }
func (d drip) Write(p []byte) (int, error) { return len(p), d.wait() }

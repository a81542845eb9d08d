package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// slowly gives its texts one after the other, with pauses before them.
type slowly struct {
	pause time.Duration
	texts []string
}

func (s *slowly) Read(p []byte) (int, error) {
	if len(s.texts) == 0 {
		return 0, io.EOF
	}
	time.Sleep(s.pause)
	text := s.texts[0]
	s.texts = s.texts[1:]
	return copy(p, text), nil
}

func TestASlowUploadArrivesAndADeadOneIsCut(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, TTL: pool.Duration(8 * time.Hour)}, func(b *bench) {
		l := b.acquire("user:alice", pool.AcquireRequest{})
		c := b.as("user:alice", "")
		if err := c.PushFile(b.Context(), l.ID, "/srv/slow", &slowly{25 * time.Second, strings.Fields("a b c d e f g h")}, pool.PushOptions{}); err != nil {
			b.Error(err)
		}
		err := c.PushFile(b.Context(), l.ID, "/srv/dead", &slowly{5 * time.Minute, []string{"a"}}, pool.PushOptions{})
		if err == nil || !strings.Contains(err.Error(), "nothing more came for 30s") {
			b.Errorf("a dead one ends with %v", err)
		}
		time.Sleep(5 * time.Minute) // until nobody reads on
		list, err := c.ListFiles(b.Context(), l.ID, "/srv")
		if err != nil || len(list) != 1 || list[0].Size != 8 {
			b.Errorf("there is %+v, %v", list, err)
		}
	})
}

func TestAnUploadThatIsGivenUpIsNoFaultOfOurs(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		l := b.acquire("user:alice", pool.AcquireRequest{})
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		from := &slowly{10 * time.Second, strings.Fields("a b c d e f g h i j k l")}
		if err := b.as("user:alice", "").PushFile(ctx, l.ID, "/srv/half", from, pool.PushOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			b.Error(err)
		}
		time.Sleep(5 * time.Minute) // until nobody reads on
		if list, err := b.m.ListFiles(b.Context(), l.ID, "/srv"); err != nil || len(list) > 0 {
			b.Errorf("there is %+v, %v", list, err)
		}
		if text := b.log.String(); strings.Contains(text, "level=ERROR") {
			b.Error(text)
		}
	})
}

// partial reads the beginning of an answer, has something done, and reads on.
type partial struct {
	then func()
	n    int
}

func (p *partial) Write(data []byte) (int, error) {
	if p.n == 0 {
		p.then()
	}
	p.n += len(data)
	return len(data), nil
}

func TestADownloadThatBreaksOffIsNoSuccess(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, TTL: pool.Duration(8 * time.Hour)}, func(b *bench) {
		l := b.acquire("user:alice", pool.AcquireRequest{})
		c := b.as("user:alice", "")
		if err := c.PushFile(b.Context(), l.ID, "/srv/large", io.LimitReader(zeros{}, 20<<20), pool.PushOptions{}); err != nil {
			b.Fatal(err)
		}
		away := func() *partial { return &partial{then: func() { b.lxd.SetAway(true) }} }
		to := away()
		err := c.PullFile(b.Context(), l.ID, "/srv/large", func(pool.File) (io.Writer, error) { return to, nil })
		if !errors.Is(err, pool.ErrUnavailable) {
			b.Errorf("a file that breaks off: %v", err)
		}
		b.lxd.SetAway(false)
		if _, err := c.PullTree(b.Context(), l.ID, "/srv", away()); !errors.Is(err, pool.ErrUnavailable) {
			b.Errorf("a tree that breaks off: %v", err)
		}
		b.lxd.SetAway(false)
		for _, route := range []string{"/files", "/files/tree"} {
			if n, err := b.plainly(fmt.Sprintf("/1.0/leases/%s%s?path=/srv/large", l.ID, route), away()); err == nil {
				b.Errorf("%s: without trailers %d bytes are a success", route, n)
			}
			b.lxd.SetAway(false)
			if n, err := b.plainly(fmt.Sprintf("/1.0/leases/%s%s?path=/srv/large", l.ID, route), io.Discard); err != nil || n < 20<<20 {
				b.Errorf("%s: the whole is %d bytes, %v", route, n, err)
			}
		}
	})
}

// plainly reads an answer as a client does that knows no trailers.
func (b *bench) plainly(path string, to io.Writer) (int64, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.dial(ctx, "user:alice") }}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://lxd-pool"+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	return io.Copy(to, answer.Body)
}

func TestAFileIsDescribedByItsHeader(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		l := b.acquire("user:alice", pool.AcquireRequest{})
		at := fmt.Sprintf("/1.0/leases/%s/files?path=/srv/a&mode=4711&uid=3&gid=4", l.ID)
		if got := b.ask(ask{who: "user:alice", method: "PUT", path: at, body: "hello"}); got.status != http.StatusNoContent {
			b.Fatalf("put: %d %s", got.status, got.body)
		}
		got := b.ask(ask{who: "user:alice", method: "GET", path: fmt.Sprintf("/1.0/leases/%s/files?path=/srv/a", l.ID)})
		if got.body != "hello" || got.header.Get(api.FileModeField) != "4711" || got.header.Get(api.FileUIDField) != "3" ||
			got.header.Get(api.FileGIDField) != "4" || got.header.Get(api.FileTypeField) != "file" || got.header.Get(api.FileSizeField) != "5" {
			b.Errorf("got %q with %v", got.body, got.header)
		}
		for _, query := range []string{"mode=rw", "mode=77777", "uid=-1", "gid=x", "parents=maybe", "nope=1"} {
			path := fmt.Sprintf("/1.0/leases/%s/files?path=/srv/b&%s", l.ID, query)
			if p := b.problem(b.ask(ask{who: "user:alice", method: "PUT", path: path, body: "x"})); p.Code != "invalid" {
				b.Errorf("%s: %+v", query, p)
			}
		}
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			path := fmt.Sprintf("/1.0/leases/%s/files?path=/srv/a", l.ID)
			if p := b.problem(b.ask(ask{who: "user:bob", method: method, path: path, body: "x"})); p.Code != "no-lease" {
				b.Errorf("another holder's %s: %+v", method, p)
			}
		}
	})
}

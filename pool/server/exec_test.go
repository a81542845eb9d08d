package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/pooltest"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// zeros is an endless input that is cut at a length.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// gauge counts what it is given, and notes how much memory is in use meanwhile.
type gauge struct {
	written int64
	most    uint64
}

func (g *gauge) Write(p []byte) (int, error) {
	if g.written>>24 != (g.written+int64(len(p)))>>24 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		g.most = max(g.most, m.HeapInuse)
	}
	g.written += int64(len(p))
	return len(p), nil
}

// TestAStreamOfAnyLengthNeedsNoMoreMemory runs in real time, since nothing in
// it waits.
func TestAStreamOfAnyLengthNeedsNoMoreMemory(t *testing.T) {
	const length, enough = 128 << 20, 32 << 20
	m, err := pool.NewManager(t.Context(), pool.Options{
		Backend: simbackend.New(simbackend.Options{Latency: simbackend.Instant}), Store: memstore.New("m1")})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.CreatePool(t.Context(), "ci", pool.Spec{Image: image, Size: 1}); err != nil {
		t.Fatal(err)
	}
	pipes := pooltest.NewPipes()
	s := server.New(m, server.Options{Identify: identify})
	go s.Serve(pipes)
	defer s.Shutdown(t.Context())
	c := &client.Client{Dial: func(ctx context.Context) (net.Conn, error) { return pipes.Dialer("root")(ctx) }}
	defer c.Close()
	leases, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
	if err != nil {
		t.Fatal(err)
	}
	var out gauge
	status, err := c.Exec(t.Context(), leases[0].ID, pool.Command{
		Args: []string{"cat"}, Stdin: io.LimitReader(zeros{}, length), Stdout: &out})
	if status != 0 || err != nil || out.written != length {
		t.Fatalf("it ended with %d, %v after %d bytes", status, err, out.written)
	}
	if out.most > enough {
		t.Fatalf("%d MiB were in use on the way", out.most>>20)
	}
}

func TestATokenAloneIsEnoughForACommand(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{})
		var out bytes.Buffer
		status, err := b.as("user:eve", lease.Token).Exec(b.Context(), lease.ID, pool.Command{Args: []string{"hostname"}, Stdout: &out})
		if status != 0 || err != nil || out.String() != string(lease.Instance)+"\n" {
			b.Fatalf("got %d, %v, %q", status, err, &out)
		}
		if _, err := b.as("user:eve", "").Exec(b.Context(), lease.ID, pool.Command{Args: []string{"true"}}); !errors.Is(err, pool.ErrNoLease) {
			b.Fatalf("without the token: %v", err)
		}
	})
}

// talker runs commands that say something without end, and only end when that
// cannot be written any more.
type talker struct{ *simbackend.Backend }

func (talker) Exec(_ context.Context, _ pool.Order, c pool.Command) (int, error) {
	_, err := io.Copy(c.Stdout, zeros{})
	return 0, err
}

// slow is an output that takes nothing before it is opened.
type slow chan struct{}

func (s slow) Write(p []byte) (int, error) { <-s; return len(p), nil }

func TestALeaseEndsAlsoWhenItsHolderDoesNotRead(t *testing.T) {
	wrap := func(lxd *simbackend.Backend) pool.Backend { return talker{lxd} }
	inBenchOf(t, pool.Spec{Size: 1, Max: 1}, wrap, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{TTL: pool.Duration(time.Minute)})
		out := make(slow)
		ended := make(chan error)
		go func() {
			_, err := b.as("user:alice", "").Exec(b.Context(), lease.ID, pool.Command{Args: []string{"yes"}, Stdout: out})
			ended <- err
		}()
		time.Sleep(2 * time.Minute)
		b.settle()
		if got := b.counts(); got.Ready != 1 {
			b.Errorf("the counts are %+v", got)
		}
		b.close() // fails unless the command is over
		b.open()
		close(out)
		if err := <-ended; !errors.Is(err, pool.ErrLeaseEnded) {
			b.Fatalf("it ended with %v", err)
		}
	})
}

func TestACommandEndsWhenItsClientLeaves(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{})
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		_, err := b.as("user:alice", "").Exec(ctx, lease.ID, pool.Command{Args: []string{"sleep", "infinity"}})
		if !errors.Is(err, context.DeadlineExceeded) {
			b.Fatal(err)
		}
		start := time.Now()
		if err := b.server.Shutdown(b.Context()); err != nil || time.Since(start) > 5*time.Second {
			b.Fatalf("the server shut down after %s (%v)", time.Since(start), err)
		}
	})
}

func TestAShutdownWaitsForACommandAndThenCutsIt(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{TTL: pool.Duration(time.Hour)})
		run := func(args ...string) chan error {
			ended := make(chan error, 1)
			go func() {
				_, err := b.as("user:alice", "").Exec(b.Context(), lease.ID, pool.Command{Args: args})
				ended <- err
			}()
			synctest.Wait()
			return ended
		}
		short, long := run("sleep", "30"), run("sleep", "infinity")
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := b.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("the shutdown returned %v", err)
		}
		if waited := time.Since(start); waited < time.Minute || waited > 2*time.Minute {
			b.Errorf("the shutdown took %s", waited)
		}
		if err := <-short; err != nil {
			b.Errorf("the short command ended with %v", err)
		}
		if err := <-long; !errors.Is(err, pool.ErrClosed) {
			b.Errorf("the long command ended with %v", err)
		}
	})
}

// talk opens the websocket of a lease without the client.
func (b *bench) talk(lease *api.Lease) *websocket.Conn {
	b.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.dial(ctx, lease.Holder) }}
	conn, _, err := websocket.Dial(b.Context(), "http://x/1.0/leases/"+string(lease.ID)+"/exec", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.CloseNow() })
	return conn
}

// last returns the problem or the status that ends a command.
func (b *bench) last(conn *websocket.Conn) api.Control {
	b.Helper()
	for {
		_, message, err := conn.Read(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		var c api.Control
		if message[0] == byte(api.ControlChannel) {
			if err := json.Unmarshal(message[1:], &c); err != nil {
				b.Fatal(err)
			}
			if c.Exit != nil || c.Problem != nil {
				return c
			}
		}
	}
}

func TestAClientThatBreaksTheRulesIsCutOff(t *testing.T) {
	start := "\x03" + `{"start":{"args":["sleep","infinity"],"stdin":true}}`
	for name, c := range map[string]struct {
		messages []string
		says     string
	}{
		"no start":             {[]string{"\x00hello"}, "does not say which"},
		"no command":           {[]string{"\x03{}"}, "does not say which"},
		"a second start":       {[]string{start, start}, "not for a server"},
		"an exit":              {[]string{start, "\x03" + `{"exit":0}`}, "not for a server"},
		"output":               {[]string{start, "\x01hello"}, "channel 1"},
		"an unknown channel":   {[]string{start, "\x09hello"}, ""},
		"an empty message":     {[]string{start, ""}, ""},
		"more than the window": {append([]string{start}, strings.Split(strings.Repeat("\x00"+strings.Repeat("x", api.MaxPayload)+"|", 9), "|")[:9]...), "more standard input"},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, pool.Spec{Size: 1}, func(b *bench) {
				conn := b.talk(b.acquire("user:alice", pool.AcquireRequest{}))
				for _, m := range c.messages {
					if err := conn.Write(b.Context(), websocket.MessageBinary, []byte(m)); err != nil {
						b.Fatal(err)
					}
				}
				p := b.last(conn).Problem
				conn.CloseNow()
				if p == nil || p.Code != "invalid" || !strings.Contains(p.Detail, c.says) {
					b.Fatalf("it was told %+v", p)
				}
			})
		})
	}
}

func TestAClientThatSaysNothingIsCutOff(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		conn := b.talk(b.acquire("user:alice", pool.AcquireRequest{}))
		begun := time.Now()
		_, _, err := conn.Read(b.Context())
		if err == nil || time.Since(begun) > time.Minute {
			b.Fatalf("after %s: %v", time.Since(begun), err)
		}
	})
}

package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/pooltest"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

const image = "ubuntu:24.04"

// bench is a server of a manager on a simulated LXD, in virtual time.
type bench struct {
	*testing.T
	lxd     *simbackend.Backend
	backend pool.Backend
	store   *memstore.Store
	m       *pool.Manager
	server  *server.Server
	pipes   atomic.Pointer[pooltest.Pipes] // of the daemon that runs now
	log     *logbook
}

// inBench runs f in a bench of its own, with a pool "ci".
func inBench(t *testing.T, spec pool.Spec, f func(*bench)) {
	t.Helper()
	inBenchOf(t, spec, func(lxd *simbackend.Backend) pool.Backend { return lxd }, f)
}

// inBenchOf runs f in a bench whose manager sees LXD through wrap.
func inBenchOf(t *testing.T, spec pool.Spec, wrap func(*simbackend.Backend) pool.Backend, f func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lxd := simbackend.New(simbackend.Options{})
		b := &bench{T: t, lxd: lxd, backend: wrap(lxd), store: memstore.New("m1"), log: &logbook{}}
		b.open()
		defer b.close()
		spec.Image = image
		if _, err := b.m.CreatePool(t.Context(), "ci", spec); err != nil {
			t.Fatal(err)
		}
		b.settle()
		f(b)
	})
}

func (b *bench) open() {
	m, err := pool.NewManager(context.Background(), pool.Options{Backend: b.backend, Store: b.store})
	if err != nil {
		b.Fatal(err)
	}
	b.m = m
	b.pipes.Store(pooltest.NewPipes())
	b.server = server.New(m, server.Options{Identify: identify, Version: "1.2.3", Reload: func(context.Context) ([]string, error) { return []string{"lxd"}, nil },
		Log: b.logger()})
	go func(s *server.Server, p *pooltest.Pipes) {
		if err := s.Serve(p); err != nil {
			b.Error(err)
		}
	}(b.server, b.pipes.Load())
}

func (b *bench) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *bench) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := b.server.Shutdown(ctx); err != nil {
		b.Error(err)
	}
	if err := b.m.Close(); err != nil {
		b.Error(err)
	}
}

// identify believes the pipe. Eve is nobody here.
func identify(conn net.Conn) (server.Caller, error) {
	if _, ok := conn.(*tls.Conn); ok {
		return server.Caller{Role: server.Outsider}, nil // as on a real network
	}
	who := conn.(pooltest.PipeEnd).Who
	switch who {
	case "root":
		return server.Caller{Identity: who, Role: server.Operator}, nil
	case "user:eve":
		return server.Caller{Identity: who, Role: server.Outsider}, nil
	}
	return server.Caller{Identity: who, Role: server.Consumer}, nil
}

func (b *bench) settle() {
	time.Sleep(20 * time.Second)
	synctest.Wait()
}

func (b *bench) dial(ctx context.Context, who pool.Identity) (net.Conn, error) {
	return b.pipes.Load().Dialer(who)(ctx)
}

// as returns a client of somebody, with a token or "".
func (b *bench) as(who pool.Identity, token pool.Token) *client.Client {
	c := &client.Client{Token: token, Dial: func(ctx context.Context) (net.Conn, error) { return b.dial(ctx, who) }}
	b.Cleanup(c.Close)
	return c
}

func (b *bench) acquire(who pool.Identity, r pool.AcquireRequest) *api.Lease {
	b.Helper()
	r.Pool = "ci"
	leases, err := b.as(who, "").Acquire(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return leases[0]
}

func (b *bench) counts() pool.Counts {
	b.Helper()
	status, err := b.m.Pool(b.Context(), "ci")
	if err != nil {
		b.Fatal(err)
	}
	return status.Counts
}

// ask is one request as HTTP, without the client.
type ask struct {
	who    pool.Identity
	token  pool.Token
	method string
	path   string
	body   string
	header map[string]string
}

// answer is what came back, read to the end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bench) ask(a ask) answer {
	b.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.dial(ctx, a.who) }}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, a.method, "http://lxd-pool"+a.path, strings.NewReader(a.body))
	if err != nil {
		b.Fatal(err)
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+string(a.token))
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	got, err := transport.RoundTrip(r)
	if err != nil {
		b.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	defer got.Body.Close()
	if strings.HasPrefix(got.Header.Get("Content-Type"), "text/event-stream") {
		return answer{status: got.StatusCode, header: got.Header}
	}
	text, err := io.ReadAll(got.Body)
	if err != nil {
		b.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	return answer{got.StatusCode, got.Header, string(text)}
}

// problem returns the problem that an answer tells of.
func (b *bench) problem(a answer) api.Problem {
	b.Helper()
	var p api.Problem
	if a.header.Get("Content-Type") != api.ProblemType {
		b.Fatalf("no problem, but %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		b.Fatal(err)
	}
	if p.Status != a.status || p.Code == "" || p.Title == "" || !strings.HasPrefix(p.Detail, "cannot ") {
		b.Fatalf("status %d says %+v", a.status, p)
	}
	return p
}

// logbook is a log to be read.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

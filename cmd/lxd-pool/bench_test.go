package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"net"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/pooltest"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// The goroutine that receives signals must not begin in a bubble of synctest.
func init() { signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR2) }

// bench is a whole daemon in this process, with a cli that reaches it. It works
// in a bubble of testing/synctest.
type bench struct {
	*cli
	manager *pool.Manager
}

func newBench(t *testing.T) *bench {
	t.Helper()
	m, err := pool.NewManager(t.Context(), pool.Options{
		Backend: simbackend.New(simbackend.Options{Latency: simbackend.Instant}), Store: memstore.New("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(m, server.Options{Identify: func(conn net.Conn) (server.Caller, error) {
		return server.Caller{Identity: conn.(pooltest.PipeEnd).Who, Role: server.Operator}, nil
	}})
	pipes := pooltest.NewPipes()
	go s.Serve(pipes)
	c := &cli{in: open(t, os.DevNull), out: open(t, "out"), err: open(t, "err")}
	c.once.Do(func() { c.daemon = &client.Client{Dial: pipes.Dialer("root")} })
	t.Cleanup(func() {
		c.daemon.Close()
		s.Shutdown(t.Context())
		m.Close()
	})
	return &bench{c, m}
}

// open opens a file for the test, in a directory of its own unless it is a device.
func open(t *testing.T, name string) *os.File {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// fill makes the pool ci and lets it fill.
func (b *bench) fill(t *testing.T, spec pool.Spec) {
	t.Helper()
	spec.Image = "busybox"
	if _, err := b.manager.CreatePool(t.Context(), "ci", spec); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Second)
}

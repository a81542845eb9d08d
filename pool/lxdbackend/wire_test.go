package lxdbackend_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
)

// wire lies between a backend and the real LXD, and can break.
type wire struct {
	testing.TB
	dir string

	mu    sync.Mutex
	front net.Listener
	open  map[net.Conn]bool
	deaf  bool
}

// broken returns a backend whose wire is down, as if LXD were away.
func broken(t testing.TB) (*lxdbackend.Backend, *wire) {
	t.Helper()
	open(t)
	dir, err := os.MkdirTemp("", "wire") // a test's own is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{TB: t, dir: dir, open: map[net.Conn]bool{}}
	t.Cleanup(func() { w.down(); os.RemoveAll(dir) })
	b, err := lxdbackend.Open(t.Context(), lxdbackend.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, w
}

// up lets the backend reach LXD.
func (w *wire) up() {
	w.Helper()
	front, err := net.Listen("unix", filepath.Join(w.dir, "unix.socket"))
	if err != nil {
		w.Fatal(err)
	}
	w.mu.Lock()
	w.front = front
	w.mu.Unlock()
	go func() {
		for {
			conn, err := front.Accept()
			if err != nil {
				return
			}
			go w.join(conn)
		}
	}()
}

// down is what the end of LXD looks like.
func (w *wire) down() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.front != nil {
		w.front.Close()
		w.front = nil
	}
	w.cutAll()
}

// cut breaks the connections that there are.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutAll()
}

func (w *wire) cutAll() {
	for conn := range w.open {
		conn.Close()
	}
	clear(w.open)
}

// lose makes every answer get lost, while requests arrive.
func (w *wire) lose(answers bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = answers
	w.cutAll()
}

func (w *wire) join(near net.Conn) {
	lxd := os.Getenv("LXD_DIR")
	if lxd == "" {
		if lxd = "/var/snap/lxd/common/lxd"; !exists(lxd + "/unix.socket") {
			lxd = "/var/lib/lxd"
		}
	}
	far, err := net.Dial("unix", filepath.Join(lxd, "unix.socket"))
	if err != nil {
		near.Close()
		return
	}
	w.mu.Lock()
	w.open[near], w.open[far] = true, true
	w.mu.Unlock()
	defer near.Close()
	defer far.Close()
	go io.Copy(far, near)
	var first [1]byte
	if _, err := io.ReadFull(far, first[:]); err != nil {
		return
	}
	w.mu.Lock()
	deaf := w.deaf
	w.mu.Unlock()
	if deaf {
		return
	}
	if _, err := near.Write(first[:]); err == nil {
		io.Copy(near, far)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

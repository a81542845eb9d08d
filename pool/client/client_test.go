package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// serve answers on a socket in a new directory and returns its path.
func serve(t *testing.T, h http.HandlerFunc) string {
	path := filepath.Join(t.TempDir(), "unix.socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return path
}

func TestWithoutADaemonTheErrorSaysWhereItWasSought(t *testing.T) {
	path := filepath.Join(t.TempDir(), "unix.socket")
	c := &client.Client{Socket: path}
	for name, try := range map[string]func() error{
		"pools":   func() error { _, err := c.Pools(t.Context()); return err },
		"acquire": func() error { _, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci"}); return err },
		"exec":    func() error { _, err := c.Exec(t.Context(), "ci.x", pool.Command{}); return err },
		"watch": func() (err error) {
			for _, err = range c.Watch(t.Context(), "") {
			}
			return err
		},
	} {
		err := try()
		if !errors.Is(err, pool.ErrUnreachable) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "lxd-poold running?") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSomethingElseOnTheSocketIsCalledSo(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"another server": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "hello", http.StatusTeapot) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/", http.StatusFound)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"a problem without a code": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.ProblemType)
			w.WriteHeader(http.StatusConflict)
			w.Write([]byte("{}"))
		},
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("[]"))
		},
	} {
		c := &client.Client{Socket: serve(t, h)}
		if _, err := c.Pools(t.Context()); !errors.Is(err, pool.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

func TestTheEnvironmentSaysWhereTheDaemonIs(t *testing.T) {
	var seen string
	path := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		w.Write([]byte("{}"))
	})
	t.Setenv("LXD_POOL_SOCKET", path)
	t.Setenv("LXD_POOL_TOKEN", "lpt_x")
	var c client.Client
	defer c.Close()
	if _, err := c.Version(t.Context()); err != nil || seen != "Bearer lpt_x" {
		t.Fatalf("got %v, and the token %q", err, seen)
	}
	t.Setenv("LXD_POOL_ADDRESS", "https://pool.example:8443")
	var remote client.Client
	if _, err := remote.Version(t.Context()); !errors.Is(err, pool.ErrUnreachable) || !strings.Contains(err.Error(), "https://pool.example:8443") {
		t.Fatalf("an address: %v", err)
	}
	named := client.Client{Socket: path}
	defer named.Close()
	if _, err := named.Version(t.Context()); err != nil {
		t.Fatalf("a socket that is named wins over the environment: %v", err)
	}
}

func TestTheDefaultSocketIsThatOfTheUserOrTheHost(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SNAP_COMMON", dir)
	t.Setenv("SNAP_NAME", "another")
	t.Setenv("XDG_RUNTIME_DIR", dir)
	want := api.SystemSocket
	if os.Geteuid() != 0 {
		want = filepath.Join(dir, "lxd-pool", "unix.socket")
	}
	if got := api.DefaultSocket(); got != want {
		t.Errorf("outside of the snap it is %s, not %s", got, want)
	}
	if got := api.FindSocket(); got != api.SystemSocket {
		t.Errorf("a client looks at %s while the user has no daemon", got)
	}
	t.Setenv("SNAP_NAME", "lxd-pool")
	if got := api.DefaultSocket(); got != filepath.Join(dir, "api", "unix.socket") {
		t.Errorf("in the snap it is %s", got)
	}
}

func TestACallerWhoLeavesGetsTheirOwnReason(t *testing.T) {
	stuck := make(chan bool)
	path := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-stuck })
	defer close(stuck)
	c := &client.Client{Socket: path}
	defer c.Close()
	reason := errors.New("lunch")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := c.Pools(ctx); err != reason {
		t.Fatalf("got %v", err)
	}
}

func TestAnEmptyNameIsNotAsked(t *testing.T) {
	c := &client.Client{Socket: serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })}
	defer c.Close()
	for _, name := range []pool.PoolName{"", ".", ".."} {
		if _, err := c.Pool(t.Context(), name); !errors.Is(err, pool.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAnAnswerThatTellsItsProgressButBreaksOffIsNoSuccess(t *testing.T) {
	for name, body := range map[string]string{
		"no end":        `{"progress":{"stage":"deleting"}}` + "\n",
		"half a line":   `{"progress":{"sta`,
		"nothing":       "",
		"another thing": "<html>",
	} {
		c := &client.Client{Socket: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.ProgressType)
			w.Write([]byte(body))
		})}
		if err := c.DeletePool(t.Context(), "ci", false); !errors.Is(err, pool.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

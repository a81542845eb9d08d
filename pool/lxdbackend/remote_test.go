package lxdbackend_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	client "github.com/canonical/lxd/client"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
)

// imageServer speaks simplestreams and has one image, under the alias "toy".
type imageServer struct {
	*httptest.Server
	fingerprint string
	asked       atomic.Int32 // for the list of its images
	held        atomic.Pointer[func()]
}

// serveImages offers the busybox image of LXD, packed anew: so it is one that
// LXD does not have.
func serveImages(t *testing.T) *imageServer {
	t.Helper()
	packed := repack(t, exportImage(t))
	sum := sha256.Sum256(packed)
	s := &imageServer{fingerprint: hex.EncodeToString(sum[:])}
	mux := http.NewServeMux()
	mux.HandleFunc("/streams/v1/index.json", func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		answer(w, map[string]any{"format": "index:1.0", "index": map[string]any{
			"images": map[string]any{"datatype": "image-downloads", "path": "streams/v1/images.json", "products": []string{"toy"}},
		}})
	})
	mux.HandleFunc("/streams/v1/images.json", func(w http.ResponseWriter, _ *http.Request) {
		product := func(arch, fingerprint string) map[string]any {
			file := map[string]any{"ftype": "lxd_combined.tar.gz", "path": "toy.tar.gz", "sha256": fingerprint, "size": len(packed)}
			return map[string]any{"aliases": "toy,toy/1", "arch": arch, "os": "toy", "release": "1", "versions": map[string]any{
				"20260101_0000": map[string]any{"items": map[string]any{"lxd_combined.tar.gz": file}},
			}}
		}
		answer(w, map[string]any{"datatype": "image-downloads", "format": "products:1.0",
			"products": map[string]any{"toy": product(runtime.GOARCH, s.fingerprint), "other": product("riscv64", strings.Repeat("a", 64))}})
	})
	mux.HandleFunc("/toy.tar.gz", func(w http.ResponseWriter, r *http.Request) {
		if held := s.held.Load(); held != nil && r.TLS != nil {
			w.Write(packed[:len(packed)/2])
			http.NewResponseController(w).Flush()
			(*held)()
			<-r.Context().Done()
			return
		}
		w.Write(packed)
	})
	s.Server = httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // LXD tries HTTP first
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// hold has downloads stop half way and calls then.
func (s *imageServer) hold(then func()) { s.held.Store(&then) }

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

// known returns a backend that keeps its state in dir and knows the server as "toys".
func (s *imageServer) known(r *room, dir string) *lxdbackend.Backend {
	r.Helper()
	b := r.keeping(dir)
	if _, err := b.AddRemote(r.Context(), pool.NewRemote{Name: "toys", URL: s.URL, Protocol: pool.Simplestreams, AcceptCertificate: true}); err != nil {
		r.Fatal(err)
	}
	return b
}

// keeping returns a backend that keeps its state in dir.
func (r *room) keeping(dir string) *lxdbackend.Backend {
	r.Helper()
	b, err := lxdbackend.Open(r.Context(), lxdbackend.Options{StateDir: dir})
	r.must(err)
	r.Cleanup(func() { b.Close() })
	return b
}

func exportImage(t *testing.T) []byte {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "image")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	server := admin(t).server
	alias, _, err := server.GetImageAlias(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.GetImageFile(alias.Target, client.ImageFileRequest{MetaFile: file, RootfsFile: file}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func repack(t *testing.T, packed []byte) []byte {
	t.Helper()
	from, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	to := gzip.NewWriter(&out)
	to.Comment = rand.Text()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	to.Close()
	return out.Bytes()
}

func TestAnImageOfARemoteIsPinnedAndDownloadedByLXD(t *testing.T) {
	t.Parallel()
	r := alone(t)
	server := serveImages(t)
	lxc := admin(t)
	t.Cleanup(func() {
		if op, err := lxc.server.DeleteImage(server.fingerprint); err == nil {
			op.Wait()
		}
	})
	dir := t.TempDir()
	b := server.known(r, dir)
	r.b = b

	for _, image := range []string{"toys:nothing", "toys:123456789012"} {
		if _, err := b.Vet(t.Context(), r.order(image)); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "nothing") && !strings.Contains(err.Error(), "123456789012") {
			t.Errorf("%s: %v", image, err)
		}
	}
	o := r.order("toys:toy")
	origin, err := b.Vet(t.Context(), o)
	r.must(err)
	if !strings.HasPrefix(string(origin), server.fingerprint) {
		t.Errorf("the origin is %s, and the image %s", origin, server.fingerprint)
	}
	asked := server.asked.Load()
	if again, err := b.Resolve(t.Context(), o); err != nil || again != origin || server.asked.Load() != asked {
		t.Errorf("again: %s, %v, and the server was asked again %d times", again, err, server.asked.Load()-asked)
	}
	if made := r.create(o); made != origin {
		t.Errorf("it is made from %s", made)
	}
	r.start(o)

	server.Close()
	fresh := r.keeping(dir)
	if _, err := fresh.Resolve(t.Context(), o); !errors.Is(err, pool.ErrUnavailable) {
		t.Errorf("with the image server away: %v", err)
	}
	next := r.another(o)
	next.Origin = origin
	if made, err := fresh.Create(t.Context(), next); err != nil || made != origin {
		t.Errorf("with the image server away: it is made from %s, %v", made, err)
	}
	elsewhere := r.order("toys:toy/1") // which nobody has looked up yet
	if _, err := fresh.Create(t.Context(), elsewhere); !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("with the image server away: %v", err)
	}
	for _, template := range r.templates() {
		r.must(b.Delete(t.Context(), pool.Order{Manager: r.manager, Instance: template.Name, Spec: o.Spec}))
	}
	next = r.another(next)
	if made, err := fresh.Create(t.Context(), next); err != nil || made != origin {
		t.Errorf("with the image server and the template away, but the image in LXD: it is made from %s, %v", made, err)
	}
}

package client_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

func TestADaemonOnTheNetworkMustBeTrusted(t *testing.T) {
	quiet := func(s *httptest.Server) *httptest.Server {
		s.Config.ErrorLog = nil
		t.Cleanup(s.Close)
		return s
	}
	seen := ""
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization")
		w.Write([]byte("{}"))
	})
	daemon := quiet(httptest.NewTLSServer(answer))
	plain := quiet(httptest.NewServer(answer))
	old := quiet(httptest.NewUnstartedServer(answer))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	old.StartTLS()
	sum := sha256.Sum256(daemon.Certificate().Raw)
	pin := hex.EncodeToString(sum[:])
	ca, empty := filepath.Join(t.TempDir(), "ca"), filepath.Join(t.TempDir(), "empty")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: daemon.Certificate().Raw})
	os.WriteFile(ca, authority, 0o600)
	os.WriteFile(empty, nil, 0o600)
	_, port, _ := net.SplitHostPort(daemon.Listener.Addr().String())
	for _, c := range []struct {
		name   string
		client *client.Client
		kind   error
		says   string // and the next step
	}{
		{"by its fingerprint", &client.Client{Address: daemon.URL, Fingerprint: pin}, nil, ""},
		{"by its fingerprint with colons", &client.Client{Address: daemon.URL, Fingerprint: "" + pin[:2] + ":" + strings.ToUpper(pin[2:])}, nil, ""},
		{"by its authority", &client.Client{Address: daemon.URL, CA: ca}, nil, ""},
		{"by an authority without a file", &client.Client{Address: daemon.URL, Authorities: authority}, nil, ""},
		{"by no authority without a file", &client.Client{Address: daemon.URL, Authorities: []byte("none")}, pool.ErrInvalid, "no certificate in it"},
		{"by nothing", &client.Client{Address: daemon.URL}, pool.ErrUnreachable, pin},
		{"by another fingerprint", &client.Client{Address: daemon.URL, Fingerprint: strings.Repeat("00", 32)}, pool.ErrUnreachable, "not the one that is pinned; ask its operator"},
		{"by another name", &client.Client{Address: "https://localhost:" + port, CA: ca}, pool.ErrUnreachable, "is not for localhost; use a name that is in it (example.com"},
		{"by what is no fingerprint", &client.Client{Address: daemon.URL, Fingerprint: "12"}, pool.ErrInvalid, `"12"`},
		{"by an authority that is not there", &client.Client{Address: daemon.URL, CA: ca + "x"}, pool.ErrInvalid, "LXD_POOL_CA"},
		{"by no authority", &client.Client{Address: daemon.URL, CA: empty}, pool.ErrInvalid, "no certificate in it"},
		{"without TLS", &client.Client{Address: strings.Replace(plain.URL, "http:", "https:", 1)}, pool.ErrUnreachable, "does not speak TLS; check LXD_POOL_ADDRESS"},
		{"with TLS 1.2", &client.Client{Address: old.URL, Fingerprint: pin}, pool.ErrUnreachable, "TLS 1.3"},
		{"at an address without a port", &client.Client{Address: "https://pool.example"}, pool.ErrInvalid, "write it like https://pool.example:8443"},
		{"at an address that is not safe", &client.Client{Address: plain.URL}, pool.ErrInvalid, "is not https://HOST:PORT"},
		{"where nothing is", &client.Client{Address: "https://127.0.0.1:1"}, pool.ErrUnreachable, "connection refused; does lxd-poold run there with --listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen = ""
			c.client.Token = "lpt_x"
			defer c.client.Close()
			_, err := c.client.Version(t.Context())
			if c.kind == nil && (err != nil || seen != "Bearer lpt_x") {
				t.Errorf("got %v, and the token %q", err, seen)
			}
			if c.kind == nil {
				return
			}
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if seen != "" {
				t.Error("it was shown the token")
			}
			if _, err := c.client.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever}); !errors.Is(err, c.kind) {
				t.Errorf("an acquire goes on asking: %v", err)
			}
		})
	}
}

func TestTheEnvironmentSaysWhomToTrustOnTheNetwork(t *testing.T) {
	daemon := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) }))
	defer daemon.Close()
	sum := sha256.Sum256(daemon.Certificate().Raw)
	t.Setenv("LXD_POOL_ADDRESS", daemon.URL)
	t.Setenv("LXD_POOL_FINGERPRINT", hex.EncodeToString(sum[:]))
	var c client.Client
	defer c.Close()
	if _, err := c.Version(t.Context()); err != nil {
		t.Fatal(err)
	}
}

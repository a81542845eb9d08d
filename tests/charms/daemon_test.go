package charms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// daemon is lxd-pool on the network, with simulated instances.
type daemon struct {
	*testing.T
	manager *pool.Manager
	api     lease.API
}

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	m, err := pool.NewManager(t.Context(), pool.Options{
		Backend: simbackend.New(simbackend.Options{Latency: simbackend.Instant}), Store: memstore.New("m1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.CreatePool(t.Context(), "default", pool.Spec{Image: "busybox", Size: 3}); err != nil {
		t.Fatal(err)
	}
	cert, text := ownCertificate(t)
	s := server.New(m, server.Options{Certificate: cert})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(server.Secure(l, cert, server.Limits{})) }()
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		m.Close()
	})
	return &daemon{t, m, lease.API{URL: "https://" + l.Addr().String(), CA: text}}
}

// ownCertificate is like the daemon's own: signed by itself, and no authority.
func ownCertificate(t *testing.T) (*server.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, plan, plan, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	for name, content := range map[string][]byte{"crt": text, "key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := server.OpenCertificate(filepath.Join(dir, "crt"), filepath.Join(dir, "key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, string(text)
}

// grant leases instances for a request, as lxd-pool's charm would.
func (d *daemon) grant(unit, request string, n int) []granted {
	d.Helper()
	grants, err := d.manager.Acquire(d.Context(), pool.AcquireRequest{Pool: "default", Holder: pool.Identity("juju:" + unit), Count: n, Wait: pool.WaitForever})
	if err != nil {
		d.Fatal(err)
	}
	var list []granted
	for _, g := range grants {
		list = append(list, granted{lease.Lease{
			Unit: unit, Request: request, ID: g.Lease.ID, Pool: g.Lease.Pool, Instance: g.Lease.Instance,
			Expires: g.Lease.Expires, Secret: "secret:" + string(g.Lease.ID.Pool()) + string(g.Lease.Instance),
			Addresses: g.Instance.Place.Addresses,
		}, string(g.Token)})
	}
	return list
}

// granted is a lease with its token.
type granted struct {
	lease.Lease
	token string
}

package pebble_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	pebbled "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestWhatCannotBeIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	has(t, p.Configure(t.Context(), ci(-1)), pool.ErrInvalid, "cannot use pool ci: cannot use size=-1")
	if text := p.config(); text != nil {
		t.Errorf("the configuration is\n%s", text)
	}
}

func TestARefusedFirstConfigurationLeavesNoDaemon(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	bad := ci(1)
	bad.Pools["ci"] = pool.Spec{Image: "ubuntu:24.04", Size: 1, Project: "elsewhere"} // it starts, and then does not take it
	has(t, p.Configure(t.Context(), bad), pool.ErrRejected, "elsewhere")
	if text := p.config(); text != nil || p.status() != pebbled.StatusInactive {
		t.Errorf("the daemon is %s, and its configuration\n%s", p.status(), text)
	}
	p.configure(ci(1))
	p.acquire()
}

func TestADaemonThatDoesNotComeUpIsQuoted(t *testing.T) {
	t.Parallel()
	p := newPod(t, newest)
	p.env = append(p.env, "LXD_POOLD_WORKERS=-1")
	p.start()
	has(t, p.Configure(t.Context(), ci(1)), pool.ErrRejected, "cannot start the daemon: cannot use --workers=-1: it must not be negative")
	if p.status() != pebbled.StatusInactive {
		t.Errorf("the daemon is %s", p.status())
	}
}

func TestADaemonThatIsNotInTheImageIsNamed(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	if err := os.Remove(p.at("/usr/bin/lxd-poold")); err != nil {
		t.Fatal(err)
	}
	has(t, p.Configure(t.Context(), ci(1)), pool.ErrUnreachable, "cannot start the daemon", "/usr/bin/lxd-poold", "no such file")
}

// The program does not start on that configuration, as one whose port was taken
// between the question and the restart.
func TestAConfigurationOnWhichTheDaemonDoesNotStartIsTakenBack(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	p.has("/usr/bin/lxd-poold", filepath.Join(programs, "refuser"))
	p.has("/usr/bin/willing", filepath.Join(programs, "lxd-poold"))
	p.configure(ci(1))
	lease, kept := p.acquire(), p.config()

	bad := ci(2)
	bad.LXD.Address = "/elsewhere" // which needs a restart
	has(t, p.Configure(t.Context(), bad), pool.ErrRejected, "cannot start the daemon: cannot listen: it is taken")
	d := p.Daemon()
	defer d.Close()
	if got, err := d.Lease(t.Context(), lease.ID); err != nil || !bytes.Equal(p.config(), kept) {
		t.Errorf("the lease is %+v, %v, and the configuration\n%s", got, err, p.config())
	}
}

func TestWhatNeedsARestartIsRestarted(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	p.configure(ci(1))
	pid := p.pid()
	other := ci(1)
	other.LXD.Address = "/elsewhere"
	p.configure(other)
	if now := p.pid(); now == pid {
		t.Error("the daemon was not restarted")
	}
	pid = p.pid()
	p.configure(other)
	if now := p.pid(); now != pid {
		t.Error("the daemon was restarted for nothing")
	}
	if got, err := p.Cluster(t.Context()); got != "/elsewhere" || err != nil {
		t.Errorf("a charm that was not told finds the cluster %q, %v", got, err)
	}
}

func TestOtherCredentialsForLXDRestartTheDaemon(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	remote := ci(1)
	cert, key := pair(t)
	remote.LXD = api.ConfiguredLXD{
		Address: "https://lxd.example:8443", ClientCert: p.put("lxd-client.crt", cert), ClientKey: p.put("lxd-client.key", key),
		ServerCert: p.put("lxd-server.crt", cert),
	}
	p.configure(remote)
	pid := p.pid()
	p.configure(remote)
	if now := p.pid(); now != pid {
		t.Error("the daemon was restarted for nothing")
	}

	other, otherKey := pair(t)
	p.put("lxd-client.crt", other)
	has(t, p.Configure(t.Context(), remote), pool.ErrInvalid, "cannot use the client certificate for LXD", "give a certificate and the key")
	if now := p.pid(); now != pid {
		t.Error("the daemon was restarted with a key that is not that of its certificate")
	}
	p.put("lxd-client.key", otherKey)
	p.configure(remote)
	if now := p.pid(); now == pid {
		t.Error("the daemon was not restarted")
	}

	p.put("lxd-server.crt", key)
	has(t, p.Configure(t.Context(), remote), pool.ErrInvalid, "cannot use the certificate of LXD")
	remote.LXD.ServerCert = "/no/such/file"
	has(t, p.Configure(t.Context(), remote), pool.ErrInvalid, `cannot use lxd.server-cert="/no/such/file"`)
}

func (p *pod) put(name string, text []byte) string {
	p.t.Helper()
	path, err := p.Put(p.t.Context(), name, text)
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}

// pair is a certificate and its key, in PEM.
func pair(t *testing.T) (cert, key []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

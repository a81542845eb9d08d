// Package kubernetes runs the charm for Kubernetes, as it is packed, in a model
// of Juju: with the Pebble of Juju and the real daemon in the pod of its unit.
package kubernetes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/programs"
)

// built is what the tests use: programs, hook tools, and charms that are unpacked.
var built struct{ dir, tools, pool, web string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "kube")
	if err == nil {
		err = build(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) error {
	built.dir, built.tools = dir, filepath.Join(dir, "tools")
	client, err := programs.Jujuc(dir)
	if err != nil {
		return err
	}
	if err := model.LinkTools(built.tools, client); err != nil {
		return err
	}
	for _, pkg := range []string{"./cmd/lxd-pool", "./cmd/lxd-poold"} {
		if _, err := programs.Ours(dir, pkg); err != nil {
			return err
		}
	}
	if err := buildPebble(dir); err != nil {
		return err
	}
	if built.pool, err = programs.Charm(dir, "charm/kubernetes"); err != nil {
		return err
	}
	built.web, err = programs.GoWeb(dir)
	return err
}

// world is a model with one application of the charm, and the pods of its units.
type world struct {
	*model.Model
	t    *testing.T
	pods map[string]*pod
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Model: model.New(t, model.Options{Tools: built.tools}), t: t, pods: map[string]*pod{}}
	w.Deploy("lxd-pool", built.pool, map[string]any{"max": 4}, func(unit string) []string {
		return []string{"LXD_POOL_CHARM_ROOT=" + w.pod(unit).root}
	})
	return w
}

func (w *world) pod(unit string) *pod {
	if w.pods[unit] == nil {
		w.pods[unit] = newPod(w.t)
	}
	return w.pods[unit]
}

// after settles what is under way, and checks what a unit says of itself then.
func (w *world) after(what, unit, want string) {
	w.t.Helper()
	if err := w.Settle(); err != nil {
		w.t.Fatal(err)
	}
	if got := w.Status(unit).String(); !strings.Contains(got, want) {
		w.t.Errorf("after %s %s is %q, want %q", what, unit, got, want)
	}
}

func TestAUnitOnKubernetesSaysWhatItLacksAndThenLeases(t *testing.T) {
	w := newWorld(t)
	unit := w.AddUnit("lxd-pool")
	w.after("the deployment", unit, "blocked: there is no LXD in a container: set lxd-address and lxd-credentials")
	w.SetConfig("lxd-pool", map[string]any{"lxd-address": "https://lxd.example:8443"})
	w.after("the address", unit, "blocked: cannot use lxd-address=https://lxd.example:8443: it needs lxd-credentials")

	credentials := pair(t)
	secret := w.AddSecret(credentials)
	w.SetConfig("lxd-pool", map[string]any{"lxd-credentials": secret})
	w.after("the secret", unit, "waiting: waiting for the container lxd-pool")
	w.pod(unit).start()
	w.UpdateStatus(unit) // in place of lxd-pool-pebble-ready
	w.after("the start of Pebble", unit, "blocked: cannot read the secret of lxd-credentials")
	w.GrantSecret(secret, "lxd-pool")
	w.UpdateStatus(unit)
	w.after("the grant", unit, "active")

	state := t.TempDir()
	w.Deploy("web", built.web, map[string]any{"count": 2, "command": ""}, func(string) []string { return []string{"CHARM_STATE=" + state} })
	w.AddUnit("web")
	w.Relate("web:pool", "lxd-pool:lease")
	w.after("the relation", unit, "active: 2 leases")
	w.after("the relation", "web/0", "active: 2 of 2 leases")

	w.ReviseSecret(secret, map[string]string{"client-cert": credentials["client-cert"], "client-key": pair(t)["client-key"]})
	w.UpdateStatus(unit)
	w.after("another key", unit, "blocked: cannot use the client certificate for LXD")
	w.after("another key", "web/0", "active: 2 of 2 leases")
	w.ReviseSecret(secret, pair(t))
	w.UpdateStatus(unit)
	w.after("the certificate of that", unit, "active: 2 leases")

	w.SetConfig("lxd-pool", map[string]any{"expose": "proxy"})
	w.after("expose=proxy", unit, "blocked: cannot use expose=proxy: use api or direct")
	w.after("expose=proxy", "web/0", "active: 2 of 2 leases")
	w.SetConfig("lxd-pool", map[string]any{"expose": nil})
	w.after("the default", unit, "active: 2 leases")

	w.RemoveUnit(unit)
	w.after("the removal", "web/0", "waiting")
	if left, err := os.ReadDir(w.pod(unit).at("/var/lib/lxd-pool/charm")); !os.IsNotExist(err) {
		t.Errorf("a removed unit leaves %v, %v", left, err)
	}
	for _, words := range w.Argv() {
		if text := strings.Join(words, " "); strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("a key is in %q", text)
		}
	}
}

func TestOneUnitManagesTheLXDAndAnotherTakesOver(t *testing.T) {
	w := newWorld(t)
	secret := w.AddSecret(pair(t))
	w.GrantSecret(secret, "lxd-pool")
	w.SetConfig("lxd-pool", map[string]any{"lxd-address": "https://lxd.example:8443", "lxd-credentials": secret})
	first, second := w.AddUnit("lxd-pool"), w.AddUnit("lxd-pool")
	w.pod(first).start()
	w.pod(second).start()
	w.after("the deployment", first, "active")
	w.after("the deployment", second, "lxd-pool/0")
	w.RemoveUnit(first)
	w.after("the removal of the other", second, "active")
}

// pair is the content of a secret with a certificate and its key.
func pair(t *testing.T) map[string]string {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, plan, plan, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return map[string]string{"client-cert": text("CERTIFICATE", cert), "client-key": text("PRIVATE KEY", key)}
}

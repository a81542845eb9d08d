package lxdbackend_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	client "github.com/canonical/lxd/client"
	lxdshared "github.com/canonical/lxd/shared"
	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
)

// other is a second LXD, at an address of its own.
type other struct {
	dir, url string
}

// secondLXD starts one for all tests of this process. It ends with the process.
var secondLXD = sync.OnceValues(func() (other, error) {
	dir, err := os.MkdirTemp("", "other-lxd")
	if err != nil {
		return other{}, err
	}
	up := exec.Command("../../tests/lib/remote-up", "--until", strconv.Itoa(os.Getpid()), dir)
	if out, err := up.CombinedOutput(); err != nil {
		return other{}, fmt.Errorf("%w: %s", err, out)
	}
	url, err := os.ReadFile(filepath.Join(dir, "other", "url"))
	return other{filepath.Join(dir, "other", "lxd"), strings.TrimSpace(string(url))}, err
})

// second returns the second LXD, and an administrator of it.
func second(t testing.TB) (other, lxc) {
	t.Helper()
	open(t)
	o, err := secondLXD()
	if err != nil {
		t.Fatal("cannot start a second LXD: ", err)
	}
	server, err := client.ConnectLXDUnix(filepath.Join(o.dir, "unix.socket"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o, lxc{t, server}
}

// token makes one that lets somebody be trusted, once.
func (l lxc) token() string {
	l.Helper()
	op, err := l.server.CreateCertificateToken(api.CertificatesPost{Name: "lxd-pool-test", Type: "client", Token: true})
	if err != nil {
		l.Fatal(err)
	}
	info := op.Get()
	token, err := info.ToCertificateAddToken()
	if err != nil {
		l.Fatal(err)
	}
	return token.String()
}

// trusted counts the certificates that are trusted.
func (l lxc) trusted() int {
	l.Helper()
	list, err := l.server.GetCertificateFingerprints()
	if err != nil {
		l.Fatal(err)
	}
	return len(list)
}

func TestAnotherLXDIsKnownByATokenAcrossRestarts(t *testing.T) {
	there, lxc := second(t)
	r := enter(t)
	dir := t.TempDir()
	b := r.keeping(dir)
	before := lxc.trusted()
	token := lxc.token()
	made, err := b.AddRemote(t.Context(), pool.NewRemote{Name: "lab", Token: token})
	r.must(err)
	if made.URL != there.url || made.Protocol != pool.LXDProtocol || made.Public || made.Static || len(made.Fingerprint) != 64 {
		t.Errorf("the remote is %+v", made)
	}
	if now := lxc.trusted(); now != before+1 {
		t.Errorf("it trusts %d more", now-before)
	}
	if _, err := b.AddRemote(t.Context(), pool.NewRemote{Name: "again", Token: token}); err != nil {
		t.Errorf("it trusts us already, and the token does not count: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "remotes.json"))
	r.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	fresh := r.keeping(dir)
	list, err := fresh.Remotes(t.Context())
	r.must(err)
	if fmt.Sprint(list[2]) != fmt.Sprint(*made) {
		t.Errorf("after a restart there is %+v", list)
	}
	if _, err := fresh.Vet(t.Context(), r.order("lab:lxd-pool/busybox")); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestALXDThatDoesNotTrustUsOrIsNotTheOneThatWasMeantIsNotAdded(t *testing.T) {
	there, lxc := second(t)
	r := enter(t)
	b := r.keeping(t.TempDir())
	used := lxc.token()
	lent := r.keeping(t.TempDir())
	_, err := lent.AddRemote(t.Context(), pool.NewRemote{Name: "lab", Token: used})
	r.must(err)
	before := lxc.trusted()
	for name, c := range map[string]struct {
		remote pool.NewRemote
		kind   error
		says   string
	}{
		"a used token":         {pool.NewRemote{Token: used}, pool.ErrRejected, "does not take the token"},
		"no token at all":      {pool.NewRemote{Token: "b2g="}, pool.ErrInvalid, "not one of LXD's"},
		"a wrong password":     {pool.NewRemote{URL: there.url, Password: "guess", AcceptCertificate: true}, pool.ErrRejected, "password"},
		"nothing":              {pool.NewRemote{URL: there.url, AcceptCertificate: true}, pool.ErrRejected, "does not trust us"},
		"nobody vouches":       {pool.NewRemote{URL: there.url, Password: "lxd-pool"}, pool.ErrRejected, "does not trust the certificate"},
		"another certificate":  {pool.NewRemote{URL: there.url, Password: "lxd-pool", Fingerprint: strings.Repeat("ab:", 32)}, pool.ErrRejected, "has the fingerprint"},
		"an address of nobody": {pool.NewRemote{URL: "https://127.0.0.1:1", Password: "lxd-pool", AcceptCertificate: true}, pool.ErrUnavailable, "does not answer"},
		"not an image server":  {pool.NewRemote{URL: there.url, Protocol: pool.Simplestreams, AcceptCertificate: true}, pool.ErrRejected, "not an image server"},
		"a key that fits not":  {pool.NewRemote{URL: there.url, ClientCert: "x", ClientKey: "y", AcceptCertificate: true}, pool.ErrInvalid, "do not fit"},
		"a name that is taken": {pool.NewRemote{Name: "ubuntu", URL: there.url, Password: "lxd-pool", AcceptCertificate: true}, pool.ErrExists, "ubuntu"},
	} {
		if c.remote.Name == "" {
			c.remote.Name = "lab"
		}
		_, err := b.AddRemote(t.Context(), c.remote)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := b.Remotes(t.Context()); err != nil || len(list) != len(pool.DefaultRemotes()) {
		t.Errorf("now there are %+v, %v", list, err)
	}
	if now := lxc.trusted(); now != before {
		t.Errorf("it trusts %d more", now-before)
	}
}

func TestWhatCannotBeWrittenDownIsTakenBackThere(t *testing.T) {
	there, lxc := second(t)
	r := enter(t)
	dir := filepath.Join(t.TempDir(), "state")
	r.must(os.Mkdir(dir, 0o700))
	b := r.keeping(dir)
	// It has an identity already, and then loses its directory.
	_, err := b.AddRemote(t.Context(), pool.NewRemote{Name: "lab", URL: there.url, AcceptCertificate: true})
	if !errors.Is(err, pool.ErrRejected) {
		t.Fatal(err)
	}
	r.must(os.RemoveAll(dir))
	before := lxc.trusted()
	_, err = b.AddRemote(t.Context(), pool.NewRemote{Name: "lab", URL: there.url, Password: "lxd-pool", AcceptCertificate: true})
	if !errors.Is(err, pool.ErrUnavailable) || !strings.Contains(err.Error(), "cannot keep the remotes") {
		t.Error(err)
	}
	if now := lxc.trusted(); now != before {
		t.Errorf("it trusts %d more", now-before)
	}
}

func TestAPoolCanBeMadeFromAPrivateImageOfAnotherLXD(t *testing.T) {
	there, lxc := second(t)
	r := alone(t)
	b := r.keeping(t.TempDir())
	r.b = b
	_, err := b.AddRemote(t.Context(), pool.NewRemote{Name: "lab", URL: there.url, Password: "lxd-pool", AcceptCertificate: true})
	r.must(err)
	alias, _, err := lxc.server.GetImageAlias(busybox)
	r.must(err)
	if _, _, err := admin(t).server.GetImage(alias.Target); err == nil {
		t.Fatal("our LXD has that very image")
	}
	if _, err := b.Vet(t.Context(), r.order("lab:nothing")); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "no such image") {
		t.Error(err)
	}
	o := r.order("lab:" + busybox)
	origin, err := b.Vet(t.Context(), o)
	r.must(err)
	if !strings.HasPrefix(string(origin), alias.Target) {
		t.Errorf("the origin is %s, and the image %s", origin, alias.Target)
	}
	t.Cleanup(func() {
		if op, err := admin(t).server.DeleteImage(alias.Target); err == nil {
			op.Wait()
		}
	})
	if made := r.create(o); made != origin {
		t.Errorf("it is made from %s", made)
	}
	r.start(o)
}

func TestABookOfRemotesThatIsBrokenIsSaidToBeSo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "remotes.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lxdbackend.Open(t.Context(), lxdbackend.Options{StateDir: dir}); !errors.Is(err, pool.ErrCorrupt) {
		t.Error(err)
	}
}

func TestAServerThatShowsAnotherCertificateIsNotBelieved(t *testing.T) {
	index := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]string{"format": "index:1.0"}) })
	right, wrong := httptest.NewTLSServer(index), httptest.NewUnstartedServer(index)
	cert, key, err := lxdshared.GenerateMemCert(false, lxdshared.CertOptions{AddHosts: true})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	wrong.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	wrong.Config.ErrorLog = log.New(io.Discard, "", 0)
	wrong.StartTLS()
	defer right.Close()
	defer wrong.Close()
	dir := t.TempDir()
	b, err := lxdbackend.Open(t.Context(), lxdbackend.Options{StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.AddRemote(t.Context(), pool.NewRemote{Name: "toys", URL: right.URL, Protocol: pool.Simplestreams, AcceptCertificate: true}); err != nil {
		t.Fatal(err)
	}
	// Somebody else listens where it was.
	book := filepath.Join(dir, "remotes.json")
	text, err := os.ReadFile(book)
	if err == nil {
		err = os.WriteFile(book, []byte(strings.ReplaceAll(string(text), right.URL, wrong.URL)), 0o600)
	}
	if err == nil {
		b, err = lxdbackend.Open(t.Context(), lxdbackend.Options{StateDir: dir})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Images(t.Context(), "toys", "default"); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "does not show the certificate") {
		t.Error(err)
	}
}

// A remote that moves must be the same one.
func TestARemoteKeepsItsCertificateAtAnotherURL(t *testing.T) {
	index := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]string{"format": "index:1.0"}) })
	var servers []*httptest.Server
	for range 2 {
		s := httptest.NewUnstartedServer(index)
		s.Config.ErrorLog = log.New(os.Stderr, "", 0)
		s.StartTLS()
		defer s.Close()
		servers = append(servers, s)
	}
	b, err := lxdbackend.Open(t.Context(), lxdbackend.Options{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	made, err := b.AddRemote(ctx, pool.NewRemote{Name: "toys", URL: servers[0].URL, Protocol: pool.Simplestreams, AcceptCertificate: true})
	if err != nil {
		t.Fatal(err)
	}
	moved, err := b.SetRemoteURL(ctx, "toys", servers[1].URL)
	if err != nil || moved.Fingerprint != made.Fingerprint || moved.URL != servers[1].URL {
		t.Errorf("%+v, %v", moved, err)
	}
	if renamed, err := b.RenameRemote(ctx, "toys", "games"); err != nil || renamed.Name != "games" {
		t.Errorf("%+v, %v", renamed, err)
	}
	if err := b.RemoveRemote(ctx, "toys"); !errors.Is(err, pool.ErrNotFound) {
		t.Error(err)
	}
	if err := b.RemoveRemote(ctx, "games"); err != nil {
		t.Error(err)
	}
}

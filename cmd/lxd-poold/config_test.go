package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// configured is a daemon with a configuration, and the path of that.
func configured(t *testing.T, text string) (*process, string) {
	t.Helper()
	dir := shortDir(t)
	file := filepath.Join(dir, "config.yaml")
	writeFile(t, file, text)
	p := startDaemon(t, dir, "--config", file)
	p.reload(nil)
	return p, file
}

// reload has the daemon read its configuration again; it is to say that these
// keys wait for a restart.
func (p *process) reload(restart []string) {
	p.t.Helper()
	answer, err := p.client().Reload(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if !slices.Equal(answer.Restart, restart) {
		p.t.Errorf("these wait for a restart: %v, want %v", answer.Restart, restart)
	}
}

func (p *process) names() string {
	p.t.Helper()
	all, err := p.client().Pools(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, each := range all {
		names = append(names, fmt.Sprintf("%s:%s", each.Name, each.Keeper))
	}
	return strings.Join(names, " ")
}

// untilGone waits until there is no such pool.
func (p *process) untilGone(name pool.PoolName) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		_, err := p.client().Pool(ctx, name)
		if errors.Is(err, pool.ErrNoPool) {
			return
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestTheConfigurationIsTakenOverWithoutARestart(t *testing.T) {
	p, file := configured(t, "pools: {ci: {image: busybox, size: 1}}\n")
	p.fill("hand", small)
	if got := p.names(); got != "ci:file hand:" {
		t.Errorf("the pools are %s", got)
	}
	c := p.client()
	defer c.Close()
	p.until(c, "ci", func(n pool.Counts) bool { return n.Ready == 1 })

	writeFile(t, file, "consumers: bin\nlog-level: debug\nlxd: {address: /srv/lxd}\npools: {web: {image: busybox, size: 2}}\n")
	p.reload([]string{"lxd"})
	p.until(c, "web", func(n pool.Counts) bool { return n.Ready == 2 })
	info, err := os.Stat(p.socket())
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("with consumers the socket has mode %v, %v", info.Mode(), err)
	}
	p.untilGone("ci")
	if got := p.names(); got != "hand: web:file" {
		t.Errorf("the pools are %s", got)
	}
	writeFile(t, file, "{}\n")
	p.reload(nil)
	if info, err := os.Stat(p.socket()); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("without consumers the socket has mode %v, %v", info.Mode(), err)
	}
	p.signal(syscall.SIGTERM)
	if got := p.status(); got != 0 || !strings.Contains(p.log.String(), "level=DEBUG") {
		t.Errorf("it ended with %d, and was to log at level debug", got)
	}
}

func TestAConfigurationThatCannotBeChangesNothing(t *testing.T) {
	p, file := configured(t, "pools: {ci: {image: busybox, size: 1}}\n")
	p.fill("hand", small)
	for text, want := range map[string]string{
		"colour: red\n":                 `a configuration has no key "colour"`,
		"pools: {ci: {size: many}}\n":   "pool ci: size cannot be a text",
		"group: no-such-group\n":        `cannot use group="no-such-group"`,
		"listen: here\n":                `cannot use listen="here": it is not [HOST]:PORT`,
		"listen: 192.0.2.1:8443\n":      `cannot use listen="192.0.2.1:8443": listen tcp`,
		"tls-cert: /srv/x.crt\n":        `cannot use tls-cert="/srv/x.crt" with tls-key="": a certificate and its key belong together; set both`,
		"metrics: ':9418'\n":            `cannot use metrics=":9418": it is shown without a token; use 127.0.0.1:9418`,
		"metrics: '[::]:9418'\n":        `it is shown without a token; use 127.0.0.1:9418`,
		"metrics: 127.0.0.1\n":          `cannot use metrics="127.0.0.1": it is not HOST:PORT; write it like 127.0.0.1:9418`,
		"metrics: 127.0.0.1:0\n":        `it is not HOST:PORT`,
		"log-level: loud\n":             `cannot use log-level="loud"; use debug, info, warn or error`,
		"lxd: {address: 'http://x'}\n":  `cannot use lxd.address="http://x"`,
		"pools: {ci: {image: nope}}\n":  "nope",
		"pools: {hand: {image: ci}}\n":  "cannot make pool hand: there is one of that name, kept by commands",
		"pools: {CI: {image: busybox}}": `cannot use "CI" as the name of a pool`,
	} {
		writeFile(t, file, text)
		if _, err := p.client().Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := p.client().Reload(t.Context()); !errors.Is(err, pool.ErrUnsupported) {
		t.Errorf("without the file: %v", err)
	}
	if got := p.names(); got != "ci:file hand:" {
		t.Errorf("the pools are %s", got)
	}
	if s := p.specOf("ci"); s.Size != 1 || s.Image != "busybox" {
		t.Errorf("pool ci has %+v", s)
	}
}

// pair writes a certificate and its key, as a daemon of its own makes them.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(t.TempDir(), "x.crt"), filepath.Join(t.TempDir(), "x.key")
	if err := makeCertificate(&options{}, cert, key); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestACertificateThatTheDaemonCannotShowIsRefused(t *testing.T) {
	p, file := configured(t, "{}\n")
	cert, key := pair(t)
	_, other := pair(t)
	for _, bad := range []struct{ cert, key, want string }{
		{cert + "x", key, "no such file or directory; give a pair of PEM files that belong together and that the daemon can read"},
		{cert, key + "x", "no such file or directory"},
		{cert, other, "private key does not match public key"},
		{file, key, "failed to find any PEM data"},
		{filepath.Dir(cert), key, "is a directory"},
	} {
		writeFile(t, file, fmt.Sprintf("tls-cert: %s\ntls-key: %s\n", bad.cert, bad.key))
		want := fmt.Sprintf("cannot use tls-cert=%q and tls-key=%q: ", bad.cert, bad.key)
		if _, err := p.client().Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v, want %q and %q", err, want, bad.want)
		}
	}
	writeFile(t, file, fmt.Sprintf("tls-cert: %s\ntls-key: %s\n", cert, key))
	p.reload([]string{"tls-cert", "tls-key"})
}

func TestTheCertificateOfTheConfigurationIsShown(t *testing.T) {
	dir := shortDir(t)
	cert, key := pair(t)
	file := filepath.Join(dir, "config.yaml")
	writeFile(t, file, fmt.Sprintf("tls-cert: %s\ntls-key: %s\n", cert, key))
	p := startDaemon(t, dir, "--config", file, "--listen", "127.0.0.1:0")
	c := client.Client{Address: "https://" + p.says(`address=(\S+) `), CA: cert}
	if _, err := c.Version(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	p.reload(nil) // the last good one goes on
	if _, err := c.Version(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheMetricsAreShownToThisHostAndNothingElseIs(t *testing.T) {
	p := startDaemon(t, shortDir(t), "--metrics", "127.0.0.1:0")
	p.fill("ci", small)
	url := p.says(`url=(\S+)/metrics`)
	for path, want := range map[string]int{"/metrics": 200, "/": 404, "/1.0": 404, "/1.0/pools": 404, "/metrics/x": 404} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != want {
			t.Errorf("%s: %s, %v", path, answer.Status, err)
		}
		if path == "/metrics" && !strings.Contains(string(text), `lxd_pool_instances{pool="ci",state="ready"} 1`) {
			t.Errorf("the figures are\n%s", text)
		}
	}
	p.signal(syscall.SIGTERM)
	if got := p.status(); got != 0 {
		t.Errorf("it ended with %d", got)
	}
	if _, err := http.Get(url + "/metrics"); err == nil {
		t.Error("somebody answers still")
	}
}

func TestAPortForMetricsThatIsTakenIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	p, file := configured(t, "{}\n")
	for _, text := range []string{"metrics: " + taken + "\n", "listen: " + taken + "\n"} {
		writeFile(t, file, text)
		if _, err := p.client().Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("%s: %v", text, err)
		}
	}
	l.Close()
	writeFile(t, file, fmt.Sprintf("listen: %s\nmetrics: %s\n", taken, taken))
	if _, err := p.client().Reload(t.Context()); err == nil || !strings.Contains(err.Error(), `cannot use metrics="`+taken) {
		t.Errorf("both on one port: %v", err)
	}
	writeFile(t, file, "metrics: "+taken+"\n")
	p.reload([]string{"metrics"})
}

func TestDeleteAllLeavesNothingInLXDAndTheJournalsAsTheyAre(t *testing.T) {
	dir := shortDir(t)
	p := startDaemon(t, dir)
	p.fill("ci", pool.Spec{Image: "busybox", Size: 2})
	lease, err := p.client().Acquire(t.Context(), pool.AcquireRequest{Pool: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGKILL)
	p.status()

	end := newProcess(t, dir, "--delete-all")
	end.start()
	if got := end.status(); got != 0 {
		t.Fatalf("it ended with %d", got)
	}
	store, err := boltstore.Open(filepath.Join(dir, "state"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lxd, err := simbackend.Open(filepath.Join(dir, "state", "simulated-lxd"), simbackend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := lxd.List(t.Context(), store.Manager()); err != nil || len(left) > 0 {
		t.Errorf("left in LXD: %v, %v", left, err)
	}
	if err := errors.Join(lxd.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}

	again := startDaemon(t, dir)
	c := again.client()
	defer c.Close()
	again.until(c, "ci", func(n pool.Counts) bool { return n.Ready == 2 && n.Leased == 0 })
	if l, err := c.Lease(t.Context(), lease[0].ID); err != nil || l.Ended == nil {
		t.Errorf("the lease of an instance that was deleted: %+v, %v", l, err)
	}
}

// What cannot be deleted is told, and does not keep the rest.
func TestDeleteAllGoesOnAfterAFailure(t *testing.T) {
	lxd := simbackend.New(simbackend.Options{})
	defer lxd.Close()
	lxd.SetFault(simbackend.Delete, simbackend.Fault{Fail: 1, Text: "device is busy"})
	spec := pool.Spec{Image: "busybox"}.WithDefaults()
	for _, name := range []pool.InstanceName{"ci-abcd-1", "ci-abcd-2"} {
		if _, err := lxd.Create(t.Context(), pool.Order{Manager: "m1", Pool: "ci", Instance: name, Spec: &spec}); err != nil {
			t.Fatal(err)
		}
	}
	err := empty(t.Context(), lxd, "m1", slog.New(slog.DiscardHandler))
	for _, want := range []string{"cannot delete ci-abcd-1", "cannot delete ci-abcd-2", "device is busy"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestASnapIsToldHowToConnectLXD(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	for _, test := range []struct {
		err    error
		status int
		want   string
	}{
		{syscall.EACCES, 1, "connect LXD, run: sudo snap connect lxd-pool:lxd lxd:lxd"},
		{syscall.ENOENT, 1, "connect LXD, run: sudo snap connect lxd-pool:lxd lxd:lxd (if there is no LXD yet"},
		{syscall.ENOENT, 0, `set LXD up with "sudo snap install lxd"`},
		{syscall.EACCES, 0, "connect LXD, run: sudo snap connect lxd-pool:lxd lxd:lxd"},
		{syscall.ECONNREFUSED, 0, ""},
	} {
		if err := os.WriteFile(filepath.Join(dir, "snapctl"), fmt.Appendf(nil, "#!/bin/sh\nexit %d\n", test.status), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := remedy(test.err); !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%v, connected %v: %q, want %q", test.err, test.status == 0, got, test.want)
		}
	}
}

package pebble_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pebbled "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/charm/pebble"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// programs is the folder with lxd-pool and lxd-poold.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pebble-")
	if err != nil {
		panic(err)
	}
	programs = dir
	status := 1
	if out, err := exec.Command("go", "build", "-o", dir, "../../cmd/lxd-pool", "../../cmd/lxd-poold").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build: %v\n%s", err, out)
	} else {
		status = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// patience bounds what a test waits for. Nothing is expected to take that long.
const patience = time.Minute

// The Pebbles to test on: that of the client that we link, and that which Juju
// 3.6 puts into the containers of a unit.
const (
	newest  = "v1.32.1"
	ofJuju  = "v1.19.2"
	release = "github.com/canonical/pebble@"
)

// pebbles builds Pebble by its own go.mod, each version once.
var pebbles = map[string]func() (string, error){
	newest: sync.OnceValues(func() (string, error) { return buildPebble(newest) }),
	ofJuju: sync.OnceValues(func() (string, error) { return buildPebble(ofJuju) }),
}

func buildPebble(version string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", release+version).CombinedOutput()
	var found struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		return "", fmt.Errorf("cannot fetch the source of Pebble: %w: %s", err, out)
	}
	program := filepath.Join(programs, "pebble-"+version)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/pebble")
	build.Dir = found.Dir
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build Pebble: %w: %s", err, out)
	}
	return program, nil
}

// pod is what Kubernetes gives a unit: a container with Pebble, and a directory
// that the charm sees by another path than the container.
type pod struct {
	*pebble.Workload
	t       *testing.T
	dir     string
	program string
	cmd     *exec.Cmd
	log     bytes.Buffer
}

// newPod prepares a pod whose Pebble does not run yet.
func newPod(t *testing.T, version string) *pod {
	t.Helper()
	program, err := pebbles[version]()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pod") // a short name leaves room for that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	shared, seen := filepath.Join(dir, "container"), filepath.Join(dir, "containers")
	if err := errors.Join(os.Mkdir(shared, 0o700), os.Symlink("container", seen)); err != nil {
		t.Fatal(err)
	}
	return &pod{t: t, dir: dir, program: program, Workload: &pebble.Workload{
		Socket: filepath.Join(seen, "pebble.socket"), Shared: shared,
		Dir: filepath.Join(dir, "storage"), Programs: programs,
		Environment: map[string]string{"LXD_POOLD_BACKEND": "sim", "LXD_POOLD_SIM_LATENCY": "0"},
		Patience:    patience,
	}}
}

// startPod is a pod whose Pebble answers. It ends with the test.
func startPod(t *testing.T, version string) *pod {
	t.Helper()
	p := newPod(t, version)
	p.start()
	return p
}

// start runs Pebble as Juju does.
func (p *pod) start() {
	p.t.Helper()
	p.log.Reset()
	p.cmd = exec.Command(p.program, "run", "--create-dirs", "--hold", "--verbose")
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "PEBBLE=" + filepath.Join(p.dir, "pebble"), "PEBBLE_SOCKET=" + filepath.Join(p.Shared, "pebble.socket"),
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.end)
	for late := time.Now().Add(patience); ; { // the client asks for five seconds
		_, err := p.pebble().SysInfo()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			p.t.Fatalf("Pebble does not answer: %v\n%s", err, p.log.String())
		}
	}
}

// end ends Pebble, and with it what it runs.
func (p *pod) end() {
	if p.cmd.ProcessState != nil {
		return
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
	if p.t.Failed() {
		p.t.Logf("log of Pebble:\n%s", p.log.String())
	}
}

func (p *pod) pebble() *pebbled.Client {
	p.t.Helper()
	c, err := pebbled.New(&pebbled.Config{Socket: p.Socket, DisableKeepAlive: true})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// status is what Pebble says of the daemon.
func (p *pod) status() pebbled.ServiceStatus {
	p.t.Helper()
	all, err := p.pebble().Services(&pebbled.ServicesOptions{Names: []string{"lxd-poold"}})
	if err != nil || len(all) != 1 {
		p.t.Fatalf("Pebble has the services %v, %v", all, err)
	}
	return all[0].Current
}

// pid is that of the process that listens on the daemon's socket.
func (p *pod) pid() int {
	p.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(p.Shared, "lxd-pool.socket"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	file, err := conn.(*net.UnixConn).File()
	if err != nil {
		p.t.Fatal(err)
	}
	defer file.Close()
	cred, err := syscall.GetsockoptUcred(int(file.Fd()), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		p.t.Fatal(err)
	}
	return int(cred.Pid)
}

func (p *pod) configure(c *api.Configuration) {
	p.t.Helper()
	if err := p.Configure(p.t.Context(), c); err != nil {
		p.t.Fatal(err)
	}
}

// config is what the daemon reads, nil when there is nothing.
func (p *pod) config() []byte {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.Dir, "charm", "daemon.yaml"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return text
}

// instances are those that the simulated LXD has, while no daemon runs.
func (p *pod) instances() []pool.Seen {
	p.t.Helper()
	state := filepath.Join(p.Dir, "state")
	store, err := boltstore.Open(state, boltstore.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	lxd, err := simbackend.Open(filepath.Join(state, "simulated-lxd"), simbackend.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer lxd.Close()
	all, err := lxd.List(p.t.Context(), store.Manager())
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// acquire leases an instance of the pool ci.
func (p *pod) acquire() *api.Lease {
	p.t.Helper()
	d := p.Daemon()
	defer d.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	leases, err := d.Acquire(ctx, pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
	if err != nil {
		p.t.Fatal(err)
	}
	return leases[0]
}

// ci is a configuration with one pool.
func ci(size int) *api.Configuration {
	return &api.Configuration{Pools: map[pool.PoolName]pool.Spec{"ci": {Image: "ubuntu:24.04", Size: size, Max: 8}}}
}

// has reports an error that is not of its kind, or does not say all that.
func has(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error is %v, want one of %v", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error is %q, without %q", err, w)
		}
	}
}

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
	"slices"
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
	if out, err := build(".", "../../cmd/lxd-pool", "../../cmd/lxd-poold", "./testdata/refuser"); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build: %v\n%s", err, out)
	} else {
		status = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// build builds programs as they are shipped: they need nothing of the image.
func build(dir string, packages ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"build", "-o", programs}, packages...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	return cmd.CombinedOutput()
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

// pebbles builds Pebble by its own go.mod, each version once, one after the other.
var pebbles = map[string]func() (string, error){
	newest: sync.OnceValues(func() (string, error) { return buildPebble(newest) }),
	ofJuju: sync.OnceValues(func() (string, error) { return buildPebble(ofJuju) }),
}

var building sync.Mutex

func buildPebble(version string) (string, error) {
	building.Lock()
	defer building.Unlock()
	out, err := exec.Command("go", "mod", "download", "-json", release+version).CombinedOutput()
	var found struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		return "", fmt.Errorf("cannot fetch the source of Pebble: %w: %s", err, out)
	}
	made := filepath.Join(programs, version)
	if out, err := build(found.Dir, "./cmd/pebble"); err != nil {
		return "", fmt.Errorf("cannot build Pebble: %w: %s", err, out)
	}
	return made, os.Rename(filepath.Join(programs, "pebble"), made)
}

// pod is what Kubernetes gives a unit: a container that has nothing but what is
// in its image, and a directory that it shares with the charm. The container is
// a directory that its processes have for "/".
type pod struct {
	*pebble.Workload
	t         *testing.T
	container string
	// env is what the image has Pebble started with.
	env   []string
	cmd   *exec.Cmd
	ended <-chan struct{} // closed when Pebble has ended
	log   bytes.Buffer
}

// newPod prepares a pod whose Pebble does not run yet.
func newPod(t *testing.T, version string) *pod {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("the charm operates the daemon as root; run the tests as root")
		}
		t.Skip("NOT CHECKED: the charm operates the daemon as root")
	}
	root, err := os.MkdirTemp("", "pod") // a short name leaves room for that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	p := &pod{
		t: t, container: filepath.Join(root, "container"),
		Workload: &pebble.Workload{Root: filepath.Join(root, "charm"), Patience: patience},
		env:      []string{"LXD_POOLD_BACKEND=sim", "LXD_POOLD_SIM_LATENCY=0"},
	}
	seen := filepath.Join(p.Root, "charm/containers")
	for _, dir := range []string{seen, p.at("/charm/container")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(p.at("/charm/container"), filepath.Join(seen, "lxd-pool")); err != nil {
		t.Fatal(err)
	}
	p.mount()
	program, err := pebbles[version]()
	if err != nil {
		t.Fatal(err)
	}
	p.has("/charm/bin/pebble", program)
	p.has("/usr/bin/lxd-pool", filepath.Join(programs, "lxd-pool"))
	p.has("/usr/bin/lxd-poold", filepath.Join(programs, "lxd-poold"))
	return p
}

// mount gives the container what Kubernetes would mount for it, as far as Pebble
// needs it; a file that is empty does for a device without anything.
func (p *pod) mount() {
	p.t.Helper()
	const bootID, null = "/proc/sys/kernel/random/boot_id", "/dev/null"
	id, err := os.ReadFile(bootID)
	for name, text := range map[string][]byte{bootID: id, null: nil} {
		err = errors.Join(err, os.MkdirAll(filepath.Dir(p.at(name)), 0o755), os.WriteFile(p.at(name), text, 0o644))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// at is where a path of the container is.
func (p *pod) at(name string) string { return filepath.Join(p.container, name) }

// has puts a program into the image, in place of one that is there.
func (p *pod) has(name, program string) {
	p.t.Helper()
	os.Remove(p.at(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(p.at(name)), 0o755), os.Link(program, p.at(name))); err != nil {
		p.t.Fatal(err)
	}
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
	p.cmd = exec.Command("/charm/bin/pebble", "run", "--create-dirs", "--hold", "--verbose")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.container}
	p.cmd.Dir = "/"
	p.cmd.Env = append(slices.Clone(p.env), "PEBBLE=/charm/container/pebble", "PEBBLE_SOCKET=/charm/container/pebble.socket")
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.cmd
	p.t.Cleanup(p.end)
	ended := make(chan struct{})
	p.ended = ended
	go func() {
		cmd.Wait()
		close(ended)
	}()
	for late := time.After(patience); ; {
		_, err := p.pebble().SysInfo() // which asks for five seconds
		if err == nil {
			return
		}
		select {
		case <-ended:
		case <-late:
		default:
			continue
		}
		p.t.Fatalf("Pebble does not answer: %v\n%s", err, p.log.String())
	}
}

// end ends Pebble, and with it what it runs.
func (p *pod) end() {
	select {
	case <-p.ended:
		return
	default:
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
	if p.t.Failed() {
		p.t.Logf("log of Pebble:\n%s", p.log.String())
	}
}

func (p *pod) pebble() *pebbled.Client {
	p.t.Helper()
	c, err := pebbled.New(&pebbled.Config{Socket: filepath.Join(p.Root, "charm/containers/lxd-pool/pebble.socket"), DisableKeepAlive: true})
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
	conn, err := net.Dial("unix", p.at("/charm/container/lxd-pool.socket"))
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
	text, err := os.ReadFile(p.at("/var/lib/lxd-pool/charm/daemon.yaml"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return text
}

// instances are those that the simulated LXD has, while no daemon runs.
func (p *pod) instances() []pool.Seen {
	p.t.Helper()
	state := p.at("/var/lib/lxd-pool/state")
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

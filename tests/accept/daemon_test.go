// Package accept tests what a user gets: the real daemon, as a process, on a
// real LXD. It needs the image lxd-pool/busybox, which "make test" builds.
package accept

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

const image = "lxd-pool/busybox"

// binaries is the folder with lxd-pool and lxd-poold.
var binaries string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lxd-pool-accept-")
	if err != nil {
		panic(err)
	}
	binaries = dir
	status := 1
	if out, err := exec.Command("go", "build", "-o", dir, "../../cmd/lxd-pool", "../../cmd/lxd-poold").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build: %v\n%s", err, out)
	} else {
		status = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// lxdSocket returns the socket of the real LXD. Without one the test is
// skipped, and fails where the whole suite must run.
func lxdSocket(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("LXD_DIR"), "/var/snap/lxd/common/lxd", "/var/lib/lxd"} {
		path := filepath.Join(dir, "unix.socket")
		if c, err := net.Dial("unix", path); dir != "" && err == nil {
			c.Close()
			return path
		}
	}
	const why = `there is no LXD here; "make test" brings one up`
	if os.Getenv("CI") != "" || os.Getenv("LXD_POOL_TEST_LXD") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// daemon is a lxd-poold of a test's own.
type daemon struct {
	*client.Client
	t       *testing.T
	ctx     context.Context
	dir     string
	process *exec.Cmd
}

// startDaemon starts a daemon on the real LXD. At the end of the test its pools
// are deleted, and nothing may be left of them in LXD.
func startDaemon(t *testing.T) *daemon {
	t.Helper()
	socket := lxdSocket(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	dir := t.TempDir()
	d := &daemon{t: t, ctx: ctx, dir: dir, Client: &client.Client{Socket: filepath.Join(dir, "socket")}}
	t.Setenv("LXD_DIR", filepath.Dir(socket))
	d.start()
	t.Cleanup(func() {
		defer cancel()
		d.cleanUp()
	})
	return d
}

func (d *daemon) start() {
	d.t.Helper()
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close()
	d.process = exec.Command(filepath.Join(binaries, "lxd-poold"), "--state-dir", filepath.Join(d.dir, "state"), "--socket", d.Socket, "--group", "root")
	d.process.Stderr = log
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := d.Version(d.ctx); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-d.ctx.Done():
			d.t.Fatal("lxd-poold does not answer: ", d.log())
		}
	}
}

func (d *daemon) log() string {
	text, _ := os.ReadFile(filepath.Join(d.dir, "log"))
	return string(text)
}

func (d *daemon) cleanUp() {
	if d.t.Failed() {
		d.t.Log(d.log())
	}
	pools, err := d.Pools(d.ctx)
	if err != nil {
		d.t.Error(err)
	}
	for _, p := range pools {
		if err := d.DeletePool(d.ctx, p.Name, true); err != nil {
			d.t.Error(err)
		}
		if left := d.instances(p.Name); len(left) > 0 {
			d.t.Errorf("left in LXD: %v", left)
		}
	}
	d.process.Process.Signal(syscall.SIGTERM)
	if err := d.process.Wait(); err != nil {
		d.t.Errorf("lxd-poold on SIGTERM: %v\n%s", err, d.log())
	}
}

// lxc runs LXD's own command and returns its output.
func lxc(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("lxc", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("lxc %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// instances returns what LXD has of a pool, templates included, by name.
func (d *daemon) instances(name pool.PoolName) []string {
	d.t.Helper()
	out := lxc(d.t, "list", "user.lxd-pool.pool="+string(name), "--format", "csv", "-c", "n")
	return strings.Fields(out)
}

// members returns what LXD has of a pool, templates aside.
func (d *daemon) members(name pool.PoolName) []string {
	d.t.Helper()
	var names []string
	for line := range strings.Lines(lxc(d.t, "list", "user.lxd-pool.pool="+string(name), "--format", "csv", "-c", "n,config:user.lxd-pool.template")) {
		if n, template, _ := strings.Cut(strings.TrimSpace(line), ","); template == "" {
			names = append(names, n)
		}
	}
	return names
}

func (d *daemon) create(name pool.PoolName, s pool.Spec) {
	d.t.Helper()
	s.Image = image
	if _, err := d.CreatePool(d.ctx, name, s); err != nil {
		d.t.Fatal(err)
	}
}

// waitFor waits until the counts of a pool are as wanted.
func (d *daemon) waitFor(name pool.PoolName, want func(pool.Counts) bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := d.Pool(d.ctx, name)
		if err != nil {
			d.t.Fatal(err)
		}
		if want(p.Counts) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.t.Fatalf("pool %s did not get there: %+v %+v", name, p.Counts, p.Problems)
		}
	}
}

// full waits until exactly so many are ready and nothing else exists.
func (d *daemon) full(name pool.PoolName, size int) {
	d.t.Helper()
	d.waitFor(name, func(c pool.Counts) bool { return c == pool.Counts{Ready: size} })
}

func (d *daemon) sh(id pool.LeaseID, script string) string {
	d.t.Helper()
	var out, errs strings.Builder
	status, err := d.Exec(d.ctx, id, pool.Command{Args: []string{"sh", "-c", script}, Stdout: &out, Stderr: &errs})
	if err != nil || status != 0 {
		d.t.Fatalf("sh -c %q: status %d, %v\n%s%s", script, status, err, out.String(), errs.String())
	}
	return strings.TrimSpace(out.String())
}

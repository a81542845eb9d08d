package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// ofJuju is the Pebble that Juju 3.6 puts into the pods of a unit.
const ofJuju = "github.com/canonical/pebble@v1.19.2"

func buildPebble(dir string) error {
	out, err := exec.Command("go", "mod", "download", "-json", ofJuju).CombinedOutput()
	var found struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		return fmt.Errorf("cannot fetch the source of Pebble: %w: %s", err, out)
	}
	build := exec.Command("go", "build", "-o", dir, "./cmd/pebble")
	build.Dir = found.Dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build Pebble: %w: %s", err, out)
	}
	return nil
}

// pod is what Kubernetes gives a unit: a container that is a directory which its
// processes have for "/", and one for the charm, with one directory in common.
type pod struct {
	t               *testing.T
	container, root string
	cmd             *exec.Cmd
	log             bytes.Buffer
}

// newPod prepares a pod whose Pebble does not run yet.
func newPod(t *testing.T) *pod {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the charm operates the daemon as root; run the tests as root")
	}
	dir, err := os.MkdirTemp("", "pod") // a short name leaves room for that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &pod{t: t, container: filepath.Join(dir, "container"), root: filepath.Join(dir, "charm")}
	const bootID, null = "/proc/sys/kernel/random/boot_id", "/dev/null"
	id, err := os.ReadFile(bootID)
	err = errors.Join(err,
		os.MkdirAll(p.at("/charm/container"), 0o755), os.MkdirAll(filepath.Join(p.root, "charm/containers"), 0o755),
		os.Symlink(p.at("/charm/container"), filepath.Join(p.root, "charm/containers/lxd-pool")),
		p.file(bootID, id), p.file(null, nil),
		p.program("/charm/bin/pebble"), p.program("/usr/bin/lxd-pool"), p.program("/usr/bin/lxd-poold"),
	)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pod) at(name string) string { return filepath.Join(p.container, name) }

func (p *pod) file(name string, text []byte) error {
	return errors.Join(os.MkdirAll(filepath.Dir(p.at(name)), 0o755), os.WriteFile(p.at(name), text, 0o644))
}

func (p *pod) program(name string) error {
	return errors.Join(os.MkdirAll(filepath.Dir(p.at(name)), 0o755), os.Link(filepath.Join(built.dir, filepath.Base(name)), p.at(name)))
}

// start runs Pebble as Juju does. It says when it listens.
func (p *pod) start() {
	p.t.Helper()
	p.cmd = exec.Command("/charm/bin/pebble", "run", "--create-dirs", "--hold", "--verbose")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.container}
	p.cmd.Dir = "/"
	p.cmd.Env = []string{
		"PEBBLE=/charm/container/pebble", "PEBBLE_SOCKET=/charm/container/pebble.socket", "LXD_POOLD_BACKEND=sim", "LXD_POOLD_SIM_LATENCY=0",
	}
	said, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	err = p.cmd.Start()
	w.Close()
	if err != nil {
		p.t.Fatal(err)
	}
	listens, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.read(said, listens)
	}()
	p.t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		p.cmd.Wait()
		<-ended
		if p.t.Failed() {
			p.t.Logf("log of Pebble:\n%s", p.log.String())
		}
	})
	select {
	case <-listens:
	case <-ended:
		p.t.Fatalf("Pebble does not start:\n%s", p.log.String())
	}
}

// read reads what Pebble says until it ends.
func (p *pod) read(said *os.File, listens chan<- struct{}) {
	defer said.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := said.Read(buffer)
		p.log.Write(buffer[:n])
		if listens != nil && bytes.Contains(p.log.Bytes(), []byte("Started daemon")) {
			close(listens)
			listens = nil
		}
		if err != nil {
			return
		}
	}
}

// Package snapd stands in for snapd on the machine of one unit: an HTTP server
// with those routes of its REST API that the charm uses. What they do is real:
// the hooks of the snap run as snapd runs them, and the daemon is the real one,
// supervised as systemd does it. LXD is simulated by the daemon itself, or is
// that of this machine.
//
// As in snapd, what changes something is done in the background: it goes on when
// the one who asked is gone, and whoever asks for more meanwhile is told that
// there is a conflict.
package snapd

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options say what machine to make.
type Options struct {
	// Programs is a directory with lxd-poold and hooks.
	Programs string
	// Real: instances are those of this machine's LXD, not simulated.
	Real bool
	// Bare: LXD is not installed.
	Bare bool
	// Cluster is the certificate of the cluster that LXD is in; "": none.
	Cluster string
}

// Machine is the machine of one unit.
type Machine struct {
	// Root stands for "/".
	Root string

	t    testing.TB
	opts Options
	dir  string // of what is not on the machine

	mu      sync.Mutex
	snaps   map[string]*snap
	changes []*change
	// refuse makes the next action on a snap be refused, as by the store; spoil
	// makes the next change of one fail.
	refuse map[string]refusal
	spoil  map[string]string
	server *http.Server
	lxd    *http.Server
	made   []string // what LXD was asked to make
	daemon *service
}

// New makes a machine with snapd, and with LXD unless it is bare.
func New(t testing.TB, opts Options) *Machine {
	t.Helper()
	root, err := os.MkdirTemp("", "mach") // short enough for sockets
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{
		Root: filepath.Join(root, "r"), t: t, opts: opts, dir: root,
		snaps: map[string]*snap{}, refuse: map[string]refusal{}, spoil: map[string]string{},
	}
	m.daemon = &service{m: m}
	t.Cleanup(m.close)
	m.Up()
	if !opts.Bare {
		m.installLXD("5.21/stable")
	}
	return m
}

func (m *Machine) path(name string) string { return filepath.Join(m.Root, name) }

func (m *Machine) common() string { return m.path("var/snap/lxd-pool/common") }

// listen serves a socket until the test ends.
func (m *Machine) listen(path string, h http.Handler) *http.Server {
	s := &http.Server{Handler: h}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		var l net.Listener
		if l, err = net.Listen("unix", path); err == nil {
			go s.Serve(l)
		}
	}
	if err != nil {
		m.t.Errorf("cannot listen on %s: %v", path, err)
	}
	m.t.Cleanup(func() { s.Close() })
	return s
}

// close ends what runs. The daemon deletes what it has in a real LXD.
func (m *Machine) close() {
	m.Wait()
	m.daemon.stop()
	if m.opts.Real && m.has("lxd-pool") {
		if err := m.hook("remove"); err != nil {
			m.t.Errorf("cannot delete the instances of a machine: %v", err)
		}
	}
	if m.t.Failed() {
		lines := strings.Split(m.Log(), "\n")
		m.t.Logf("the end of the log of %s:\n%s", m.Root, strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
	os.RemoveAll(m.dir)
}

// Log is what the daemon has logged.
func (m *Machine) Log() string {
	text, _ := os.ReadFile(filepath.Join(m.dir, "log"))
	return string(text)
}

// Snaps are the names of the snaps that are installed.
func (m *Machine) Snaps() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.snaps {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *Machine) has(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.snaps[name] != nil
}

// Held reports whether a snap is not refreshed by itself, and its channel.
func (m *Machine) Held(name string) (bool, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.snaps[name]
	if s == nil {
		return false, ""
	}
	return s.held, s.channel
}

// Conf is what the snap lxd-pool is set to.
func (m *Machine) Conf() map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.snaps["lxd-pool"]; s != nil {
		return patched(s.conf, nil)
	}
	return nil
}

// Health is what the snap last told snapd of itself, as "okay" or "blocked …".
func (m *Machine) Health() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.snaps["lxd-pool"]; s != nil {
		return s.health
	}
	return ""
}

// Changes are what snapd did, each as "install-snap lxd-pool Done".
func (m *Machine) Changes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, c := range m.changes {
		all = append(all, c.kind+" "+c.snap+" "+c.status())
	}
	return all
}

// Made is what LXD was asked to make to be set up.
func (m *Machine) Made() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.made)
}

// Refuse makes the next install or refresh of a snap be refused with snapd's
// kind of error, as the store would.
func (m *Machine) Refuse(name, kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse[name] = refusal{Message: "snap not found", Kind: kind, Value: name, status: http.StatusNotFound}
}

// Spoil makes the next change of a snap fail after it was begun, such as a
// download that breaks off. What it changed is undone.
func (m *Machine) Spoil(name, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoil[name] = why
}

// Occupy has snapd do something with a snap that takes until free is called,
// such as a refresh of its own. Whoever asks for a change meanwhile is told that
// there is a conflict.
func (m *Machine) Occupy(name string) (free func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.begin("auto-refresh", name)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		c.end(nil)
	}
}

// Down stops snapd, and Up starts it again. Snaps run on meanwhile.
func (m *Machine) Down() {
	m.Wait()
	m.server.Close()
}

// Up starts snapd.
func (m *Machine) Up() { m.server = m.listen(m.path("run/snapd.socket"), m.routes()) }

// Kill ends the daemon as a crash does, and returns when it was started again
// and answers.
func (m *Machine) Kill() {
	m.daemon.kill()
	for range 1000 {
		c, err := net.Dial("unix", filepath.Join(m.common(), "api/unix.socket"))
		if err == nil {
			c.Close()
			return
		}
		if !m.daemon.active() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// Wait returns when nothing is being changed.
func (m *Machine) Wait() {
	m.mu.Lock()
	var busy []*change
	for _, c := range m.changes {
		if c.kind != "auto-refresh" {
			busy = append(busy, c)
		}
	}
	m.mu.Unlock()
	for _, c := range busy {
		<-c.done
	}
}

// Instances are those in the simulated LXD of the machine.
func (m *Machine) Instances() []string {
	f, err := os.Open(filepath.Join(m.dir, "simulated"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	there := map[string]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l struct{ Put, Drop *struct{ Name string } }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			m.t.Fatal(err)
		}
		if l.Put != nil {
			there[l.Put.Name] = true
		}
		if l.Drop != nil {
			delete(there, l.Drop.Name)
		}
	}
	var names []string
	for name := range there {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

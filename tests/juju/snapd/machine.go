// Package snapd stands in for snapd on the machine of one unit: an HTTP server
// with those routes of its REST API that the charm uses. What they do is real:
// the hooks of the snap run as snapd runs them, and the daemon is the real one.
// LXD is simulated by the daemon itself, or is that of this machine.
package snapd

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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
	changes []change
	// refuse makes the next action of that kind fail, as the store would.
	refuse map[string]string
	lxd    *http.Server
	made   []string // what LXD was asked to make
}

// snap is an installed snap.
type snap struct {
	channel   string
	held      bool
	connected bool
	conf      map[string]any
	enabled   bool
	daemon    *exec.Cmd
	ended     chan struct{}
	restart   bool
	health    string
}

// New makes a machine with snapd, and with LXD unless it is bare.
func New(t testing.TB, opts Options) *Machine {
	t.Helper()
	root, err := os.MkdirTemp("", "mach") // short enough for sockets
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Root: filepath.Join(root, "r"), t: t, opts: opts, dir: root, snaps: map[string]*snap{}, refuse: map[string]string{}}
	t.Cleanup(m.close)
	m.listen(m.path("run/snapd.socket"), m.routes())
	if !opts.Bare {
		m.installLXD("5.21/stable")
	}
	return m
}

func (m *Machine) path(name string) string { return filepath.Join(m.Root, name) }

func (m *Machine) common() string { return m.path("var/snap/lxd-pool/common") }

func (m *Machine) listen(path string, h http.Handler) *http.Server {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		m.t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	m.t.Cleanup(func() { s.Close() })
	return s
}

// close ends what runs. The daemon deletes what it has in a real LXD.
func (m *Machine) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.snaps["lxd-pool"]; s != nil {
		m.stop(s)
		if m.opts.Real {
			if err := m.hook("remove"); err != nil {
				m.t.Errorf("cannot delete the instances of a machine: %v", err)
			}
		}
	}
	if m.t.Failed() {
		if log, err := os.ReadFile(filepath.Join(m.dir, "log")); err == nil {
			lines := strings.Split(string(log), "\n")
			m.t.Logf("the end of the log of %s:\n%s", m.Root, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	}
	os.RemoveAll(m.dir)
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

// Held reports whether a snap is not refreshed by itself, and its channel.
func (m *Machine) Held(name string) (bool, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.snaps[name]
	return s != nil && s.held, s.channel
}

// Made is what LXD was asked to make to be set up.
func (m *Machine) Made() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.made)
}

// Refuse makes the next install of a snap fail with snapd's kind of error.
func (m *Machine) Refuse(name, kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse[name] = kind
}

// Kill ends the daemon as a crash does. systemd starts it again.
func (m *Machine) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.snaps["lxd-pool"]; s != nil && s.daemon != nil {
		s.daemon.Process.Kill()
		<-s.ended
		s.daemon = nil
		m.start(s)
		m.await()
	}
}

// await returns when the daemon answers, or has not for long.
func (m *Machine) await() {
	for range 300 {
		conn, err := net.Dial("unix", filepath.Join(m.common(), "api/unix.socket"))
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	m.t.Error("the daemon does not come back")
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

// installSnap does what snapd does: hooks and service in its order.
func (m *Machine) installSnap(channel string) error {
	s := m.snaps["lxd-pool"]
	if s != nil {
		m.stop(s)
		s.channel = cmp.Or(channel, s.channel)
		if err := m.hook("post-refresh"); err != nil {
			return err
		}
		m.start(s)
		return m.configure(s, nil)
	}
	s = &snap{channel: channel, conf: map[string]any{}, enabled: true}
	m.snaps["lxd-pool"] = s
	if err := os.MkdirAll(m.path("snap/lxd-pool/current/bin"), 0o755); err != nil {
		return err
	}
	program := m.path("snap/lxd-pool/current/bin/lxd-poold")
	os.Remove(program)
	if err := os.Symlink(filepath.Join(m.opts.Programs, "lxd-poold"), program); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(m.common(), 0o755), m.installRun()); err != nil {
		return err
	}
	if err := m.hook("install"); err != nil {
		return err
	}
	m.start(s)
	return m.configure(s, nil)
}

// installRun makes what runs a program of the snap in its environment.
func (m *Machine) installRun() error {
	script := "#!/bin/sh\n[ \"$1 $2\" = 'run lxd-pool.daemon' ] || exit 2\nshift 2\nexec env"
	for _, v := range m.environment() {
		script += fmt.Sprintf(" '%s'", v)
	}
	path := m.path("usr/bin/snap")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(script+" "+m.path("snap/lxd-pool/current/bin/lxd-poold")+" \"$@\"\n"), 0o755)
}

// environment is that of snap/snapcraft.yaml, and that of snapd.
func (m *Machine) environment() []string {
	env := []string{
		"PATH=" + m.dir + ":/usr/bin:/bin", "SNAP=" + m.path("snap/lxd-pool/current"), "SNAP_NAME=lxd-pool", "SNAP_COMMON=" + m.common(),
		"LXD_DIR=" + m.path("var/snap/lxd/common/lxd"), "LXD_POOLD_CONFIG=" + filepath.Join(m.common(), "config/daemon.yaml"), "LXD_POOLD_SOCKET_MODE=0666",
		"LXD_POOLD_GROUP=root",
	}
	if !m.opts.Real {
		env = append(env, "LXD_POOLD_BACKEND=sim", "LXD_POOLD_SIM_LATENCY=0", "LXD_POOLD_SIM_STATE="+filepath.Join(m.dir, "simulated"))
	}
	return env
}

// hook runs a hook of the snap, with a snapctl that knows what is set now.
func (m *Machine) hook(name string) error {
	s := m.snaps["lxd-pool"]
	conf, err := json.Marshal(map[string]any{"": s.conf})
	if err != nil {
		return err
	}
	connected := "1"
	if s.connected {
		connected = "0"
	}
	for file, text := range map[string]string{
		"values": string(conf), "connected": connected, "queue": "",
		"snapctl": fmt.Sprintf("#!/bin/sh\ncase $1 in\nget) cat %[1]s/values;;\nis-connected) exit $(cat %[1]s/connected);;\nrestart|set-health) echo \"$*\" >>%[1]s/queue;;\n*) echo \"unknown command $1\" >&2; exit 1;;\nesac\n", m.dir),
	} {
		if err := os.WriteFile(filepath.Join(m.dir, file), []byte(text), 0o755); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(m.opts.Programs, "hooks"))
	cmd.Args = []string{filepath.Join(m.path("snap/lxd-pool/current/meta/hooks"), name)}
	cmd.Env = m.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return &refusal{Message: fmt.Sprintf("cannot perform the following tasks:\n- Run %s hook of \"lxd-pool\" snap (run hook %q: %s)", name, name, strings.TrimSpace(string(out)))}
	}
	queue, err := os.ReadFile(filepath.Join(m.dir, "queue"))
	for line := range strings.Lines(string(queue)) {
		if strings.HasPrefix(line, "restart ") {
			s.restart = true
		} else {
			s.health = strings.TrimSpace(line)
		}
	}
	return err
}

// configure sets what a patch says if the snap's hook takes it, and nothing otherwise.
func (m *Machine) configure(s *snap, patch map[string]any) error {
	before := s.conf
	s.conf = patched(before, patch)
	if err := m.hook("configure"); err != nil {
		s.conf = before
		return err
	}
	if s.restart && s.daemon != nil {
		m.stop(s)
		m.start(s)
	}
	s.restart = false
	return nil
}

// patched is a tree with a patch in it; null takes a key away.
func patched(before, patch map[string]any) map[string]any {
	after := map[string]any{}
	for k, v := range before {
		after[k] = v
	}
	for k, v := range patch {
		was, tree := before[k].(map[string]any)
		switch next := v.(type) {
		case nil:
			delete(after, k)
		case map[string]any:
			if !tree {
				was = nil
			}
			if after[k] = patched(was, next); len(after[k].(map[string]any)) == 0 {
				delete(after, k)
			}
		default:
			after[k] = v
		}
	}
	return after
}

// start starts the service, as systemd does: it has started when it runs.
func (m *Machine) start(s *snap) {
	log, err := os.OpenFile(filepath.Join(m.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		m.t.Error(err)
		return
	}
	defer log.Close()
	s.daemon = exec.Command(m.path("snap/lxd-pool/current/bin/lxd-poold"))
	s.daemon.Env, s.daemon.Stdout, s.daemon.Stderr = m.environment(), log, log
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.daemon.Start(); err != nil {
		m.t.Error(err)
		return
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { cmd.Wait(); close(ended) }(s.daemon, s.ended)
}

func (m *Machine) stop(s *snap) {
	if s.daemon == nil {
		return
	}
	s.daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(40 * time.Second): // as snap/snapcraft.yaml says
		s.daemon.Process.Kill()
		<-s.ended
	}
	s.daemon = nil
}

// remove removes a snap; its hook ends what it has in LXD.
func (m *Machine) remove(name string) error {
	s := m.snaps[name]
	if s == nil {
		return nil
	}
	if name == "lxd-pool" {
		m.stop(s)
		if err := m.hook("remove"); err != nil {
			m.t.Logf("the remove hook: %v", err)
		}
		if err := os.RemoveAll(m.path("var/snap/lxd-pool")); err != nil {
			return err
		}
	} else if m.lxd != nil {
		m.lxd.Close()
	}
	delete(m.snaps, name)
	return nil
}

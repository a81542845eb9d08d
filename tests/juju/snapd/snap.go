package snapd

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// snap is an installed snap. What is in it is guarded by the machine's lock; it
// is changed by one change at a time.
type snap struct {
	channel   string // that it tracks, "" if it came from a file
	held      bool
	connected bool
	conf      map[string]any
	disabled  bool // its service does not start at boot
	health    string
}

// change a snap that is there, with the lock held.
func (m *Machine) update(name string, with func(*snap)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.snaps[name]; s != nil {
		with(s)
	}
}

// full is a channel as snapd writes it: "edge" is "latest/edge", "2" is
// "2/stable".
func full(channel string) string {
	switch channel {
	case "", "stable":
		return "latest/stable"
	case "candidate", "beta", "edge":
		return "latest/" + channel
	}
	if !strings.Contains(channel, "/") {
		return channel + "/stable"
	}
	return channel
}

// install does what snapd does for the first revision of the snap: hooks and
// service in its order. One that fails leaves nothing.
func (m *Machine) install(channel string) error {
	m.mu.Lock()
	m.snaps["lxd-pool"] = &snap{channel: channel, conf: map[string]any{}}
	m.mu.Unlock()
	err := m.unpack()
	for _, step := range []func() error{
		func() error { return m.hook("install") },
		func() error { return m.hook("default-configure") },
		func() error { m.daemon.start(); return nil },
		func() error { return m.configure(nil) },
		func() error { return m.hook("check-health") },
	} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		m.daemon.stop()
		err = errors.Join(err, m.wipe())
	}
	return err
}

// unpack puts the programs of the snap where they belong.
func (m *Machine) unpack() error {
	program := m.path("snap/lxd-pool/current/bin/lxd-poold")
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return err
	}
	_ = os.Remove(program)
	return errors.Join(
		os.Symlink(filepath.Join(m.opts.Programs, "lxd-poold"), program),
		os.MkdirAll(m.common(), 0o755), m.installRun(),
	)
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

// wipe forgets the snap and its data.
func (m *Machine) wipe() error {
	m.mu.Lock()
	delete(m.snaps, "lxd-pool")
	m.mu.Unlock()
	return errors.Join(os.RemoveAll(m.path("var/snap/lxd-pool")), os.RemoveAll(m.path("snap/lxd-pool")))
}

// refresh takes another revision. One that is refused leaves the one before,
// with what it was set to.
func (m *Machine) refresh(channel string) error {
	if err := m.hook("pre-refresh"); err != nil {
		return err
	}
	m.daemon.stop()
	err := m.hook("post-refresh")
	m.daemon.start()
	if err == nil {
		err = m.configure(nil)
	}
	if err == nil {
		m.update("lxd-pool", func(s *snap) { s.channel = channel })
		err = m.hook("check-health")
	}
	return err
}

// remove removes the snap; its hook deletes what it has in LXD, and nobody minds
// if it fails.
func (m *Machine) remove() error {
	m.daemon.stop()
	if err := m.hook("remove"); err != nil {
		m.t.Logf("the remove hook: %v", err)
	}
	return m.wipe()
}

// configure sets what a patch says if the snap's hook takes it, and nothing
// otherwise. The restart that the hook asked for comes after it.
func (m *Machine) configure(patch map[string]any) error {
	if err := validKeys("", patch); err != nil {
		return failedTask(fmt.Sprintf("Run configure hook of \"lxd-pool\" snap (%v)", err))
	}
	var before map[string]any
	m.update("lxd-pool", func(s *snap) { before, s.conf = s.conf, patched(s.conf, patch) })
	if err := m.hook("configure"); err != nil {
		m.update("lxd-pool", func(s *snap) { s.conf = before })
		return err
	}
	return nil
}

var optionName = regexp.MustCompile(`^(?:[a-z0-9]+-?)*[a-z](?:-?[a-z0-9])*$`)

// validKeys says which option cannot be, as snapd does.
func validKeys(above string, patch map[string]any) error {
	for key, value := range patch {
		for part := range strings.SplitSeq(key, ".") {
			if !optionName.MatchString(part) {
				return fmt.Errorf("invalid option name: %q", part)
			}
		}
		if below, ok := value.(map[string]any); ok {
			if err := validKeys(above+key+".", below); err != nil {
				return err
			}
		}
	}
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

// notInstalled is how snapd refuses to change a snap that is not there.
func notInstalled(name string) *refusal {
	return &refusal{Message: fmt.Sprintf("snap %q is not installed", name), Kind: "snap-not-installed", Value: name, status: http.StatusBadRequest}
}

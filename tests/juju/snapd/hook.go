package snapd

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

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

// snapctl is what hooks ask snapd with. A restart is queued until the hook has
// succeeded. As with snapd, what was set is asked for with the keys and the root.
const snapctl = `#!/bin/sh
case $1 in
get) cat "%[1]s/values" ;;
is-connected) exit "$(cat "%[1]s/connected")" ;;
restart | set-health) echo "$*" >>"%[1]s/queue" ;;
*)
	echo "error: unknown command \"$1\", see 'snapctl help'" >&2
	exit 1
	;;
esac
`

// hook runs a hook of the snap, with a snapctl that knows what is set now. One
// hook of a snap runs at a time, since one change does.
func (m *Machine) hook(name string) error {
	var conf []byte
	var err error
	connected := "1"
	m.update("lxd-pool", func(s *snap) {
		conf, err = json.Marshal(map[string]any{"": s.conf})
		if s.connected {
			connected = "0"
		}
	})
	if err != nil {
		return err
	}
	for file, text := range map[string]string{
		"values": string(conf), "connected": connected, "queue": "", "snapctl": fmt.Sprintf(snapctl, m.dir),
	} {
		if err := os.WriteFile(filepath.Join(m.dir, file), []byte(text), 0o755); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(m.opts.Programs, "hooks"))
	cmd.Args = []string{m.path("snap/lxd-pool/current/meta/hooks/" + name)}
	cmd.Env = m.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return failedTask(fmt.Sprintf("Run %s hook of \"lxd-pool\" snap (run hook %q: %s)", name, name, outputErr(string(out), err)))
	}
	return m.dequeue()
}

// outputErr words what a hook printed as snapd does: one line as it is, several
// between lines.
func outputErr(out string, err error) string {
	out = strings.TrimSpace(out)
	switch lines := strings.Split(out, "\n"); {
	case out == "":
		return err.Error()
	case len(lines) == 1:
		return out
	}
	return "\n-----\n" + out + "\n-----"
}

// dequeue does what the hook asked for.
func (m *Machine) dequeue() error {
	queue, err := os.ReadFile(filepath.Join(m.dir, "queue"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(queue)) {
		line = strings.TrimSpace(line)
		if told, ok := strings.CutPrefix(line, "set-health "); ok {
			m.update("lxd-pool", func(s *snap) { s.health = told })
		} else if m.daemon.active() {
			m.daemon.stop()
			m.daemon.start()
		}
	}
	return nil
}

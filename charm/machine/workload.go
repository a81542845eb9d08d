package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	poolclient "github.com/lxd-pool/lxd-pool/pool/client"
)

// Workload is the snap on this machine.
type Workload struct {
	// Root stands for "/", for tests.
	Root string
	// remote is the address of an LXD elsewhere, as Install was told.
	remote string
}

const (
	snapName   = "lxd-pool"
	daemonName = "lxd-pool.daemon"
	lxdName    = "lxd"
	lxdPlug    = "lxd"
)

func (w *Workload) at(path ...string) string {
	return filepath.Join(append([]string{"/", w.Root}, path...)...)
}

func (w *Workload) common() string { return w.at("var/snap/lxd-pool/common") }
func (w *Workload) snapd() snapd   { return snapd{w.at("run/snapd.socket")} }
func (w *Workload) lxd() lxd       { return lxd{w.at("var/snap/lxd/common/lxd/unix.socket")} }
func (w *Workload) given() (*given, error) {
	return openGiven(w.at("var/lib/lxd-pool-charm/given.json"))
}

// Daemon implements [charm.Workload].
func (w *Workload) Daemon() *poolclient.Client {
	return &poolclient.Client{Socket: filepath.Join(w.common(), "api/unix.socket")}
}

// Install implements [charm.Workload]. What is there already is used as it is.
func (w *Workload) Install(ctx context.Context, s charm.Setup) error {
	g, err := w.given()
	if err != nil {
		return err
	}
	w.remote = s.LXD.Remote
	if s.LXD.Remote == "" {
		if err := w.installLXD(ctx, g, s.LXD); err != nil {
			return err
		}
	}
	if err := w.installSnap(ctx, g, s); err != nil {
		return err
	}
	if err := w.hold(ctx, g); err != nil {
		return err
	}
	if s.LXD.Remote != "" {
		return nil
	}
	return w.connect(ctx, g)
}

func (w *Workload) installSnap(ctx context.Context, g *given, s charm.Setup) error {
	there, err := w.snapd().snap(ctx, snapName)
	if err != nil {
		return err
	}
	sum, err := sumOf(s.Snap)
	if err != nil {
		return err
	}
	switch {
	case there == nil && sum != "", sum != "" && g.Snap && sum != g.Sum:
		return w.sideload(ctx, g, s.Snap, sum)
	case there == nil:
		g.Snap = true
		if err := g.write(); err != nil {
			return err
		}
		return w.inStore(w.snapd().act(ctx, snapName, map[string]any{"action": "install", "channel": s.Channel}), snapName, s.Channel, "channel")
	case !g.Snap && !g.Found:
		if g.Before, err = w.snapd().configuration(ctx, snapName); err != nil {
			return err
		}
		g.Found = true
		return g.write()
	case g.Snap && g.Sum == "" && sum == "" && there.Tracking != inFull(s.Channel):
		return w.inStore(w.snapd().act(ctx, snapName, map[string]any{"action": "refresh", "channel": s.Channel}), snapName, s.Channel, "channel")
	}
	return nil
}

func (w *Workload) sideload(ctx context.Context, g *given, path, sum string) error {
	before := g.Sum
	g.Snap, g.Sum = true, sum
	if err := g.write(); err != nil {
		return err
	}
	err := w.snapd().sideload(ctx, path)
	if err == nil {
		return nil
	}
	g.Sum = before
	if kindOf(err) != "" || strings.Contains(err.Error(), "cannot") {
		err = &charm.Blocked{Why: "cannot install the attached snap: " + oneLine(err), Next: "juju attach-resource with another file"}
	}
	return errors.Join(err, g.write())
}

// inFull is a channel as snapd tells it: "edge" is "latest/edge", "1.0" is
// "1.0/stable".
func inFull(channel string) string {
	risks := []string{"stable", "candidate", "beta", "edge"}
	first, rest, _ := strings.Cut(channel, "/")
	switch {
	case channel == "":
		return "latest/stable"
	case slices.Contains(risks, first):
		return "latest/" + channel
	case rest == "":
		return first + "/stable"
	}
	return channel
}

// inStore explains an error of the store.
func (w *Workload) inStore(err error, name, channel, option string) error {
	switch kindOf(err) {
	case "snap-no-update-available": // it has what there is
		return nil
	case notFound, "snap-channel-not-available", "snap-revision-not-available", "snap-architecture-not-available":
		return &charm.Blocked{Why: fmt.Sprintf("the store has no snap %s in channel %q", name, channel),
			Next: fmt.Sprintf("set the option %s to one that it has, or attach the snap as a resource", option)}
	}
	if err != nil {
		return fmt.Errorf("cannot install the snap %s: %w", name, err)
	}
	return nil
}

// sumOf is the sum of a file, "" when there is none or it is empty.
func sumOf(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil || n == 0 {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hold keeps snapd from refreshing the snap by itself: the charm says when. A
// snapd that is too old for it goes on as it does.
func (w *Workload) hold(ctx context.Context, g *given) error {
	if g.Held {
		return nil
	}
	err := w.snapd().act(ctx, snapName, map[string]any{"action": "hold", "time": "forever", "hold-level": "general"})
	if err != nil && strings.Contains(err.Error(), "unknown") {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("cannot hold refreshes of the snap: %w", err)
	}
	g.Held = true
	return g.write()
}

// connect gives the snap the LXD of this machine. Nothing is made there until it
// is configured.
func (w *Workload) connect(ctx context.Context, g *given) error {
	yes, err := w.snapd().isConnected(ctx, snapName, lxdPlug)
	if err != nil || yes {
		return err
	}
	if g.Snap {
		values, err := w.snapd().configuration(ctx, snapName)
		if err == nil && values["size"] == nil {
			err = w.snapd().configure(ctx, snapName, map[string]any{"size": 0})
		}
		if err != nil {
			return err
		}
	}
	g.Connected = true
	if err := g.write(); err != nil {
		return err
	}
	if err := w.snapd().connect(ctx, "connect", snapName, lxdPlug, lxdName, lxdPlug); err != nil {
		return fmt.Errorf("cannot connect the snap to LXD: %w", err)
	}
	return nil
}

// Put implements [charm.Workload].
func (w *Workload) Put(_ context.Context, name string, content []byte) (string, error) {
	path := filepath.Join(w.common(), "charm", name)
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, content) {
		return path, nil
	}
	return path, replace(path, content)
}

// Get implements [charm.Workload].
func (w *Workload) Get(_ context.Context, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(w.common(), "charm", name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Configure implements [charm.Workload].
func (w *Workload) Configure(ctx context.Context, c *api.Configuration) error {
	g, err := w.given()
	if err == nil && g.Stopped {
		g.Stopped = false
		err = g.write()
	}
	if err != nil {
		return err
	}
	if err := w.set(ctx, values(c)); err != nil {
		return err
	}
	there, err := w.snapd().snap(ctx, snapName)
	if err != nil {
		return err
	}
	if there == nil {
		return &charm.Pending{Why: "the snap lxd-pool is gone"}
	}
	for _, app := range there.Apps {
		if app.Name == "daemon" && !(app.Enabled && app.Active) {
			if err := w.snapd().service(ctx, "start", daemonName); err != nil {
				return err
			}
		}
	}
	return w.await(ctx)
}

// set makes values all that the snap is set to.
func (w *Workload) set(ctx context.Context, values map[string]any) error {
	now, err := w.snapd().configuration(ctx, snapName)
	if err != nil {
		return err
	}
	patch := map[string]any{}
	for key := range now {
		if _, ok := values[key]; !ok {
			patch[key] = nil
		}
	}
	for key, value := range values {
		if !same(now[key], value) {
			patch[key] = value
		}
	}
	if len(patch) == 0 {
		return nil
	}
	// A tree is replaced as a whole only when it was unset before.
	for key, value := range patch {
		if before, ok := now[key].(map[string]any); ok {
			if after, ok := value.(map[string]any); ok {
				patch[key] = withNulls(before, after)
			}
		}
	}
	return refused(w.snapd().configure(ctx, snapName, patch))
}

// withNulls is after, with null for what it no longer has of before.
func withNulls(before, after map[string]any) map[string]any {
	all := map[string]any{}
	for k, v := range after {
		all[k] = v
	}
	for k, v := range before {
		inner, tree := v.(map[string]any)
		switch next, ok := after[k]; {
		case !ok:
			all[k] = nil
		case tree:
			if below, ok := next.(map[string]any); ok {
				all[k] = withNulls(inner, below)
			}
		}
	}
	return all
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// refused is the failure of the snap's configure hook in the words of the daemon.
func refused(err error) error {
	if err == nil {
		return nil
	}
	_, text, ok := strings.Cut(err.Error(), `(run hook "configure":`)
	if !ok {
		return err
	}
	text = strings.Trim(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), ")")), "-\n ")
	why, next, _ := strings.Cut(strings.Join(strings.Fields(text), " "), "; ")
	return pool.Invalidf(next, "%s", why)
}

// patience is how long the daemon may take to answer after it was started.
const patience = 30 * time.Second

func (w *Workload) await(ctx context.Context) error {
	daemon := w.Daemon()
	defer daemon.Close()
	for late := time.Now().Add(patience); ; time.Sleep(pollEvery) {
		_, err := daemon.Version(ctx)
		if err == nil {
			return nil
		}
		if time.Now().After(late) || ctx.Err() != nil {
			return &charm.Pending{Why: "lxd-poold does not answer; see: snap logs lxd-pool"}
		}
	}
}

// Cluster implements [charm.Workload].
func (w *Workload) Cluster(ctx context.Context) (string, error) {
	if w.remote != "" {
		return w.remote, nil
	}
	return w.lxd().cluster(ctx)
}

// Stop implements [charm.Workload].
func (w *Workload) Stop(ctx context.Context) error {
	g, err := w.given()
	if err != nil || g.Stopped {
		return err
	}
	there, err := w.snapd().snap(ctx, snapName)
	if err != nil || there == nil {
		return err
	}
	if err := w.snapd().service(ctx, "stop", daemonName); err != nil {
		return err
	}
	// As the snap's own hook does when it is removed.
	out, err := exec.CommandContext(ctx, w.at("usr/bin/snap"), "run", daemonName, "--delete-all").CombinedOutput()
	if err != nil {
		return &charm.Pending{Why: fmt.Sprintf("cannot delete the instances of this unit yet: %s", lastLine(out))}
	}
	g.Stopped = true
	return g.write()
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// Remove implements [charm.Workload].
func (w *Workload) Remove(ctx context.Context) error {
	g, err := w.given()
	if err != nil {
		return err
	}
	there, err := w.snapd().snap(ctx, snapName)
	if err != nil {
		return err
	}
	switch {
	case there == nil:
	case g.Snap:
		err = w.snapd().act(ctx, snapName, map[string]any{"action": "remove", "purge": true})
	case g.Found:
		err = w.putBack(ctx, g)
	}
	if err != nil {
		return err
	}
	if g.LXD {
		if err := w.removeLXD(ctx); err != nil {
			return err
		}
	}
	return g.forget()
}

// putBack leaves a snap that was there before as it was.
func (w *Workload) putBack(ctx context.Context, g *given) error {
	if g.Held {
		if err := w.snapd().act(ctx, snapName, map[string]any{"action": "unhold"}); err != nil && !strings.Contains(err.Error(), "unknown") {
			return err
		}
	}
	if err := w.set(ctx, g.Before); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(w.common(), "charm")); err != nil {
		return err
	}
	if !g.Connected {
		return nil
	}
	return w.snapd().connect(ctx, "disconnect", snapName, lxdPlug, lxdName, lxdPlug)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/snapd"
)

// world is a model with the charm in it, and the machines of its units.
type world struct {
	*model.Model
	t        *testing.T
	machines map[string]*snapd.Machine
	// dead are units whose agents have died: what they said stands, whatever is true.
	dead map[string]bool
	// real: instances are those of this machine's LXD.
	real bool
}

// worlds counts them, so that each has addresses of its own.
var worlds atomic.Int32

// newWorld makes one. Its test runs beside others: most of the time it waits.
func newWorld(t *testing.T, opts model.Options) *world {
	t.Helper()
	t.Parallel()
	if opts.Tools == "" {
		opts.Tools = built.quick
	}
	// Others may test on this machine at the same time.
	net := fmt.Sprintf("127.%d.%d", 10+os.Getpid()%200, worlds.Add(1))
	opts.Address = func(_ string, n int) string { return fmt.Sprintf("%s.%d", net, n) }
	return &world{Model: model.New(t, opts), t: t, machines: map[string]*snapd.Machine{}, dead: map[string]bool{}}
}

// machine is that of a unit, with snapd and LXD on it.
func (w *world) machine(unit string) *snapd.Machine {
	if w.machines[unit] == nil {
		w.machines[unit] = snapd.New(w.t, snapd.Options{Programs: built.dir, Real: w.real})
	}
	return w.machines[unit]
}

// deployPool deploys lxd-pool with so many units.
func (w *world) deployPool(units int, config map[string]any) {
	w.t.Helper()
	all := map[string]any{"image": "busybox", "max": 4}
	for k, v := range config {
		all[k] = v
	}
	w.Deploy("lxd-pool", built.pool, all, func(unit string) []string {
		env := []string{"LXD_POOL_CHARM_ROOT=" + w.machine(unit).Root}
		if w.real { // containers take as long as the machine lets them
			env = append(env, "LXD_POOL_CHARM_PATIENCE=10m")
		}
		return env
	})
	for range units {
		w.AddUnit("lxd-pool")
	}
}

// deployWeb deploys the example charm and relates it.
func (w *world) deployWeb(app string, units int, config map[string]any) {
	w.t.Helper()
	dirs := w.t.TempDir()
	w.Deploy(app, built.web, config, func(unit string) []string {
		dir := filepath.Join(dirs, strings.ReplaceAll(unit, "/", "-"))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			w.t.Error(err)
		}
		return []string{"CHARM_STATE=" + dir}
	})
	for range units {
		w.AddUnit(app)
	}
	w.Relate(app+":pool", "lxd-pool:lease")
}

// settle lets the world come to rest. Juju refuses what a hook grants in a
// relation that is about to end, and runs it again.
func (w *world) settle() {
	w.t.Helper()
	for range 20 {
		err := w.Settle()
		if failed, ok := err.(*model.HookError); ok && strings.Contains(failed.Hook.Failure, "is not alive") {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return
	}
	w.t.Fatal("a hook fails for ever")
}

// status checks what a unit says of itself.
func (w *world) status(unit, want string) {
	w.t.Helper()
	if got := w.Status(unit).String(); !strings.Contains(got, want) {
		w.t.Errorf("%s is %q, want %q", unit, got, want)
	}
}

// lease is one as the relation has it.
type lease struct {
	Unit     string `json:"unit"`
	Request  string `json:"request"`
	ID       string `json:"id"`
	Instance string `json:"instance"`
	Expires  time.Time
	Secret   string `json:"secret"`
	SSH      *struct {
		Address string `json:"address"`
		Port    int    `json:"port"`
	} `json:"ssh"`
}

type problem struct {
	Unit    string `json:"unit"`
	Request string `json:"request"`
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Next    string `json:"next"`
}

// said reads a list that a unit of lxd-pool has in its bag.
func said[T any](w *world, app, unit, key string) []T {
	w.t.Helper()
	var list []T
	if text := w.Bag(w.RelationID(app+":pool", "lxd-pool:lease"), unit)[key]; text != "" {
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			w.t.Fatalf("%s says %s=%s: %v", unit, key, text, err)
		}
	}
	return list
}

// leases are all that an application was told of.
func (w *world) leases(app string) []lease {
	var all []lease
	for _, unit := range w.Units("lxd-pool") {
		all = append(all, said[lease](w, app, unit, "leases")...)
	}
	return all
}

func (w *world) problems(app string) []problem {
	var all []problem
	for _, unit := range w.Units("lxd-pool") {
		all = append(all, said[problem](w, app, unit, "problems")...)
	}
	return all
}

// held is a lease as the daemon of a unit has it.
type held struct {
	ID       string `json:"id"`
	Holder   string `json:"holder"`
	Instance string `json:"instance"`
}

// revoke takes a lease back as root does on the machine, without the charm.
func (w *world) revoke(unit, id string) {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodDelete, "http://lxd-pool/1.0/leases/"+id+"?reason=by+hand", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.root(unit).Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
}

// root talks to the daemon of a unit as root does on its machine.
func (w *world) root(unit string) *http.Client {
	socket := filepath.Join(w.machine(unit).Root, "var/snap/lxd-pool/common/api/unix.socket")
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
}

// ask asks the daemon of a unit.
func (w *world) ask(unit, path string, v any) error {
	answer, err := w.root(unit).Get("http://lxd-pool" + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(v)
}

func (w *world) held(unit string) []held {
	w.t.Helper()
	if strings.Contains(w.Status(unit).Message, "manages this LXD cluster") {
		return nil // its daemon does not run
	}
	var all []held
	if err := w.ask(unit, "/1.0/leases", &all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// living are the units of lxd-pool whose agents run.
func (w *world) living() []string {
	return slices.DeleteFunc(w.Units("lxd-pool"), func(unit string) bool { return w.dead[unit] })
}

// check compares what the relations say with what the daemons have: nothing is
// held that nobody was told of, nothing is told that is not held, each secret
// has one reader, and no unit has more than its pools may.
func (w *world) check(apps ...string) {
	w.t.Helper()
	told := map[string]lease{}
	for _, app := range apps {
		for _, unit := range w.living() {
			for _, l := range said[lease](w, app, unit, "leases") {
				if _, twice := told[l.ID]; twice {
					w.t.Errorf("lease %s was told twice", l.ID)
				}
				told[l.ID] = l
			}
		}
	}
	count := 0
	for _, unit := range w.living() {
		all := w.held(unit)
		count += len(all)
		if len(all) > 4 {
			w.t.Errorf("%s has given %d leases, more than it may", unit, len(all))
		}
		for _, h := range all {
			l, ok := told[h.ID]
			if !ok || !strings.HasSuffix(h.Holder, "/"+l.Unit) || l.Instance != h.Instance {
				w.t.Errorf("%s holds %+v, and told %+v", unit, h, l)
			}
		}
	}
	if count != len(told) {
		w.t.Errorf("%d leases are held, and %d were told", count, len(told))
	}
	secrets := 0
	for _, s := range w.Secrets() {
		if !strings.HasPrefix(s.Label, "lease-") || w.dead[s.Owner] {
			continue
		}
		secrets++
		l, ok := told[strings.TrimPrefix(s.Label, "lease-")]
		if !ok || l.Secret != s.ID || !slices.Equal(s.Readers, []string{l.Unit}) {
			w.t.Errorf("the secret %s (%s) is read by %v; its lease is %+v", s.ID, s.Label, s.Readers, l)
		}
	}
	if secrets != len(told) {
		w.t.Errorf("there are %d secrets for %d leases", secrets, len(told))
	}
}

// discreet checks that no secret and nothing that is said in a relation was ever
// an argument of a hook tool.
func (w *world) discreet() {
	w.t.Helper()
	var values []string
	for _, s := range w.Secrets() {
		for _, content := range s.Values {
			for _, v := range content {
				values = append(values, v)
			}
		}
	}
	for _, argv := range w.Argv() {
		line := strings.Join(argv, " ")
		if strings.Contains(line, "lpt_") || strings.Contains(line, "lpn_") || strings.Contains(line, "BEGIN CERTIFICATE") {
			w.t.Errorf("a hook tool was called as %s", line)
		}
		for _, v := range values {
			if strings.Contains(line, v) {
				w.t.Errorf("a hook tool was called with a secret: %s", line)
			}
		}
	}
}

// count is how many leases each unit of an application has.
func (w *world) count(app string) map[string]int {
	n := map[string]int{}
	for _, l := range w.leases(app) {
		n[l.Unit]++
	}
	return n
}

func (w *world) mustCount(app string, want map[string]int) {
	w.t.Helper()
	if got := w.count(app); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("the units of %s have %v, want %v; problems: %+v", app, got, want, w.problems(app))
	}
}

package charms

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/lease"
)

// unit is a unit of one of the example charms, with a model made for it.
type unit struct {
	*testing.T
	world
	dispatch string
	env      []string
	dir      string
}

// goWeb builds go-web once. The directory goes with the test program.
var goWeb = sync.OnceValues(func() (string, error) {
	program := filepath.Join(work, "go-web")
	out, err := exec.Command("go", "build", "-o", program, "./go-web").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot build go-web: %s", out)
	}
	return program, nil
})

// everyCharm runs a test with a unit of each of the charms.
func everyCharm(t *testing.T, test func(t *testing.T, u *unit)) {
	t.Run("go-web", func(t *testing.T) { test(t, newGoWeb(t)) })
	t.Run("python-web", func(t *testing.T) { test(t, newPythonWeb(t)) })
}

func newGoWeb(t *testing.T) *unit {
	t.Helper()
	program, err := goWeb()
	if err != nil {
		t.Fatal(err)
	}
	return newUnit(t, program)
}

// newPythonWeb is a unit of the charm in Python, as it is in the tree.
func newPythonWeb(t *testing.T) *unit {
	t.Helper()
	need(t, "python3", "python3")
	return newUnit(t, absolute(t, "python-web/dispatch"), pythonEnv(t)...)
}

func newUnit(t *testing.T, dispatch string, env ...string) *unit {
	u := &unit{T: t, dispatch: dispatch, dir: t.TempDir(), env: env}
	u.Config = map[string]any{"pool": "default", "count": 1, "ttl": "", "ssh": false, "purpose": "", "request": "web", "command": "hostname"}
	u.Relations = map[string]*relation{}
	u.Secrets = map[string]map[string]string{}
	u.env = append(u.env, "PATH="+linkTools(t)+":"+os.Getenv("PATH"), worldVariable+"="+u.worldFile(), "CHARM_STATE="+u.dir,
		"JUJU_UNIT_NAME=web/0", "JUJU_MODEL_NAME=test", "JUJU_CHARM_DIR="+u.dir, "JUJU_CONTEXT_ID=web/0-1", "JUJU_VERSION=3.6.11")
	return u
}

func (u *unit) worldFile() string { return filepath.Join(u.dir, "world.json") }

// relate brings a relation with a unit of lxd-pool that says this.
func (u *unit) relate(id string, a lease.Answer) {
	u.Helper()
	bag, err := a.Bag()
	if err != nil {
		u.Fatal(err)
	}
	if u.Relations[id] == nil {
		u.Relations[id] = &relation{}
	}
	u.Relations[id].Bags = map[string]map[string]string{"lxd-pool/0": bag}
}

// answer says in a relation that these were granted, and lets the unit read the tokens.
func (u *unit) answer(id string, api lease.API, list []granted, problems ...lease.Problem) {
	u.Helper()
	a := lease.Answer{API: &api, Problems: problems}
	for _, g := range list {
		a.Leases = append(a.Leases, g.Lease)
		u.Secrets[g.Secret] = map[string]string{lease.TokenKey: g.token}
	}
	u.relate(id, a)
}

// hook runs the charm for an event.
func (u *unit) hook(name string, env ...string) {
	u.Helper()
	u.run(append(env, "JUJU_HOOK_NAME="+name, "JUJU_DISPATCH_PATH=hooks/"+name)...)
}

// action runs an action, and returns its results.
func (u *unit) action(name string, params map[string]any) map[string]string {
	u.Helper()
	u.Params, u.Results, u.Failure = params, nil, ""
	u.run("JUJU_HOOK_NAME=", "JUJU_ACTION_NAME="+name, "JUJU_ACTION_UUID=1", "JUJU_ACTION_TAG=action-1", "JUJU_DISPATCH_PATH=actions/"+name)
	return u.Results
}

func (u *unit) run(env ...string) {
	u.Helper()
	if err := u.write(u.worldFile()); err != nil {
		u.Fatal(err)
	}
	cmd := exec.CommandContext(u.Context(), u.dispatch)
	cmd.Dir = filepath.Dir(u.dispatch)
	cmd.Env = append(slices.Clone(u.env), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		u.Fatalf("%v: the charm failed: %v\n%s", env, err, out)
	}
	after, err := readWorld(u.worldFile())
	if err != nil {
		u.Fatal(err)
	}
	u.world = *after
	u.leakNothing(string(out))
}

// leakNothing sees that no token is in what the charm prints, says or gives as
// an argument.
func (u *unit) leakNothing(printed string) {
	u.Helper()
	said := *u
	said.Secrets = nil
	text, err := json.Marshal(said.world)
	if err != nil {
		u.Fatal(err)
	}
	for _, secret := range u.Secrets {
		if token := secret[lease.TokenKey]; strings.Contains(string(text)+printed, token) {
			u.Errorf("a token is in what the charm says")
		}
	}
}

func (u *unit) status(status, message string) {
	u.Helper()
	if u.Status != status || !strings.HasPrefix(u.Message, message) {
		u.Errorf("the status is %s %q, not %s %q", u.Status, u.Message, status, message)
	}
}

// asked returns what the unit asks for in a relation.
func (u *unit) asked(id string) []lease.Request {
	u.Helper()
	requests, problems := lease.ParseRequests(u.Relations[id].Own)
	if problems != nil {
		u.Errorf("the requests are wrong: %+v", problems)
	}
	return requests
}

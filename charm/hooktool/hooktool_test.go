package hooktool_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
)

// bench has hook tools that say what a test wants, and note how they are called.
type bench struct {
	*testing.T
	dir   string
	tools hooktool.Tools
}

// script is every tool. What it is told by its standard input, and in a file
// that it is given, it notes apart from its arguments.
const script = `#!/bin/sh
dir=${0%/*}
printf '%s\n' "${0##*/} $*" >>"$dir/calls"
while [ $# -gt 0 ]; do
    if [ "$1" = --file ] && [ "$2" = - ]; then cat >>"$dir/told"; fi
    if [ "$1" = --file ] && [ "$2" != - ]; then cat "$2" >>"$dir/told" && stat -c %a "$2" >"$dir/mode"; fi
    shift
done
if [ -e "$dir/fail" ]; then cat "$dir/fail" >&2; exit 2; fi
cat "$dir/answer.${0##*/}" 2>/dev/null || true
`

var names = []string{
	"action-fail", "action-get", "action-set", "close-port", "config-get", "goal-state", "is-leader", "juju-log", "network-get", "open-port",
	"opened-ports", "relation-get", "relation-ids", "relation-list", "relation-set", "resource-get", "secret-add", "secret-get", "secret-grant",
	"secret-remove", "state-get", "state-set", "status-set", "application-version-set",
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir()}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", b.dir+":"+os.Getenv("PATH"))
	return b
}

func (b *bench) put(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) says(tool, text string) { b.Helper(); b.put("answer."+tool, text) }

// take returns what a file of the tools has, and forgets it.
func (b *bench) take(name string) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.Fatal(err)
	}
	os.Remove(filepath.Join(b.dir, name))
	return string(text)
}

// called sees how the tools were called.
func (b *bench) called(want ...string) {
	b.Helper()
	if got := strings.Split(strings.TrimSpace(b.take("calls")), "\n"); !slices.Equal(got, want) {
		b.Errorf("called were\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func same[T any](t *testing.T, what string, got, want T, err error) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %#v (%v), not %#v", what, got, err, want)
	}
}

func TestRelationsAndUnitsComeInOrder(t *testing.T) {
	b := newBench(t)
	b.says("relation-ids", `["lease:10","lease:9"]`)
	ids, err := b.tools.RelationIDs(t.Context(), "lease")
	same(t, "relations", ids, []string{"lease:9", "lease:10"}, err)
	b.says("relation-list", `["web/10","web/9","db/2"]`)
	units, err := b.tools.RemoteUnits(t.Context(), "lease:9")
	same(t, "units", units, []string{"db/2", "web/9", "web/10"}, err)
	b.says("relation-list", `null`)
	units, err = b.tools.RemoteUnits(t.Context(), "lease:9")
	same(t, "no units", units, nil, err)
	b.says("relation-get", `{"requests":"[]"}`)
	bag, err := b.tools.Bag(t.Context(), "lease:9", "web/9")
	same(t, "bag", bag, map[string]string{"requests": "[]"}, err)
	b.called("relation-ids --format=json lease", "relation-list --format=json -r lease:9", "relation-list --format=json -r lease:9",
		"relation-get --format=json -r lease:9 - web/9")
}

func TestARelationThatIsBreakingIsNotThereAnyMore(t *testing.T) {
	b := newBench(t)
	b.says("relation-ids", `["lease:1","lease:2"]`)
	t.Setenv("JUJU_RELATION_ID", "lease:1")
	for hook, want := range map[string][]string{"lease-relation-departed": {"lease:1", "lease:2"}, "lease-relation-broken": {"lease:2"}} {
		t.Setenv("JUJU_HOOK_NAME", hook)
		ids, err := b.tools.RelationIDs(t.Context(), "lease")
		same(t, hook, ids, want, err)
	}
}

func TestWhatIsSaidIsNoArgument(t *testing.T) {
	b := newBench(t)
	if err := b.tools.SetBag(t.Context(), "lease:1", map[string]string{"leases": "said in the bag"}); err != nil {
		t.Error(err)
	}
	if err := b.tools.SetApplicationBag(t.Context(), "peers:0", map[string]string{"book": "for all"}); err != nil {
		t.Error(err)
	}
	if err := b.tools.SetState(t.Context(), "ledger", "kept"); err != nil {
		t.Error(err)
	}
	b.called("relation-set -r lease:1 --file -", "relation-set -r peers:0 --app --file -", "state-set --file -")
	if got := b.take("told"); got != `{"leases":"said in the bag"}{"book":"for all"}{"ledger":"kept"}` {
		t.Errorf("told was %s", got)
	}
	if err := b.tools.SetBag(t.Context(), "lease:1", nil); err != nil || b.take("calls") != "" {
		t.Errorf("nothing to say, and it was said: %v", err)
	}
}

func TestASecretIsInNoArgumentAndLeavesNoFile(t *testing.T) {
	b := newBench(t)
	t.Setenv("TMPDIR", t.TempDir())
	b.says("secret-add", "secret:abc\n")
	id, err := b.tools.AddSecret(t.Context(), "lease-1", map[string]string{"token": "lpt_secret"})
	same(t, "id", id, "secret:abc", err)
	calls := b.take("calls")
	if strings.Contains(calls, "lpt_secret") || !strings.HasPrefix(calls, "secret-add --owner unit --label lease-1 --file /") {
		t.Errorf("it was called as %s", calls)
	}
	if got, mode := b.take("told"), strings.TrimSpace(b.take("mode")); got != `{"token":"lpt_secret"}` || mode != "600" {
		t.Errorf("the file had %s with mode %s", got, mode)
	}
	b.put("fail", "ERROR secret with label \"lease-1\" already exists\n")
	if _, err := b.tools.AddSecret(t.Context(), "lease-1", map[string]string{"token": "lpt_secret"}); err == nil || strings.Contains(err.Error(), "lpt_secret") {
		t.Errorf("the error is %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestAToolThatFailsIsToldInItsOwnWords(t *testing.T) {
	b := newBench(t)
	b.put("fail", "ERROR cannot write relation settings\n")
	err := b.tools.SetApplicationBag(t.Context(), "lease:1", map[string]string{"a": "b"})
	failed, ok := errors.AsType[*hooktool.Error](err)
	if !ok || failed.Tool != "relation-set" || err.Error() != "cannot run relation-set: cannot write relation settings" {
		t.Errorf("the error is %v", err)
	}
	os.Remove(filepath.Join(b.dir, "fail"))
	b.says("is-leader", "perhaps")
	if _, err := b.tools.IsLeader(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot understand what is-leader says") {
		t.Errorf("the error is %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := b.tools.IsLeader(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot run is-leader") {
		t.Errorf("outside of a hook the error is %v", err)
	}
}

func TestOnlyWhatDiffersOfThePortsIsChanged(t *testing.T) {
	b := newBench(t)
	b.says("opened-ports", `["8443/tcp","20000-20999/tcp"]`)
	if err := b.tools.SetPorts(t.Context(), "8443/tcp", "30000-30999/tcp"); err != nil {
		t.Error(err)
	}
	b.called("opened-ports --format=json", "close-port 20000-20999/tcp", "open-port 30000-30999/tcp")
}

func TestAddressesAreReadInBothOfTheirForms(t *testing.T) {
	b := newBench(t)
	b.says("network-get", `{"bind-addresses":[{"interface-name":"eth0","addresses":[{"hostname":"","value":"10.0.0.1"},{"address":"10.0.0.2"}]}],"ingress-addresses":["192.0.2.1"]}`)
	n, err := b.tools.Network(t.Context(), "lease", "lease:1")
	same(t, "network", n, hooktool.Network{Bind: []string{"10.0.0.1", "10.0.0.2"}, Ingress: []string{"192.0.2.1"}}, err)
	b.called("network-get --format=json lease -r lease:1")
}

func TestTheConfigurationIsReadIntoItsTypes(t *testing.T) {
	b := newBench(t)
	b.says("config-get", `{"size":3,"image":"ubuntu:24.04","flag":true}`)
	var c struct {
		Size  int
		Image string
		Flag  bool
		Unset *int
	}
	if err := b.tools.Config(t.Context(), &c); err != nil || c.Size != 3 || c.Image != "ubuntu:24.04" || !c.Flag || c.Unset != nil {
		t.Errorf("the configuration is %+v, %v", c, err)
	}
}

func TestWhatAnActionFindsIsSetAtOnce(t *testing.T) {
	b := newBench(t)
	if err := b.tools.SetResults(t.Context(), map[string]string{"a.b": "one\ntwo"}); err != nil {
		t.Error(err)
	}
	if err := b.tools.SetResults(t.Context(), nil); err != nil {
		t.Error(err)
	}
	b.called("action-set a.b=one", "two")
}

func TestWhoIsThereAndStateAreWhatJujuKeeps(t *testing.T) {
	b := newBench(t)
	b.says("goal-state", `{"units":{"lxd-pool/0":{"status":"active"},"lxd-pool/1":{"status":"allocating"},"lxd-pool/2":{"status":"dying"}},
		"relations":{"lease":{"web":{"status":"joined"},"web/0":{"status":"active"},"web/1":{"status":"dying"}}}}`)
	goal, err := b.tools.Goal(t.Context())
	same(t, "who is there", goal, hooktool.Goal{Units: map[string]bool{"lxd-pool/0": true, "lxd-pool/1": true},
		Remote: map[string]map[string]bool{"lease": {"web/0": true}}}, err)
	b.says("state-get", `{"ledger":"kept"}`)
	kept, err := b.tools.State(t.Context(), "ledger")
	same(t, "state", kept, "kept", err)
	none, err := b.tools.State(t.Context(), "other")
	same(t, "no state", none, "", err)
}

func TestAnEventIsWhatJujuPutsIntoTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"JUJU_HOOK_NAME": "", "JUJU_ACTION_NAME": "", "JUJU_DISPATCH_PATH": "hooks/lease-relation-departed", "JUJU_RELATION_ID": "lease:3",
		"JUJU_REMOTE_UNIT": "web/1", "JUJU_REMOTE_APP": "web", "JUJU_DEPARTING_UNIT": "web/1", "JUJU_UNIT_NAME": "lxd-pool/0",
		"JUJU_MODEL_NAME": "prod", "JUJU_MODEL_UUID": "1-2", "JUJU_CHARM_DIR": "/charm",
	} {
		t.Setenv(name, value)
	}
	want := hooktool.Event{Name: "lease-relation-departed", Relation: "lease:3", Remote: "web/1", Application: "web", Departing: "web/1",
		Unit: "lxd-pool/0", Model: "prod", ModelUUID: "1-2", Dir: "/charm"}
	if got := hooktool.ThisEvent(); got != want {
		t.Errorf("the event is %+v", got)
	}
	t.Setenv("JUJU_ACTION_NAME", "show")
	t.Setenv("JUJU_DISPATCH_PATH", "actions/show")
	if got := hooktool.ThisEvent(); got.Name != "" || got.Action != "show" {
		t.Errorf("the event is %+v", got)
	}
}

func TestUnitsAreInTheOrderOfTheirNumbers(t *testing.T) {
	units := []string{"b/1", "a/10", "a/9", "a-b/0", "odd"}
	slices.SortFunc(units, hooktool.CompareUnits)
	if want := []string{"a/9", "a/10", "a-b/0", "b/1", "odd"}; !slices.Equal(units, want) {
		t.Errorf("the order is %v", units)
	}
}

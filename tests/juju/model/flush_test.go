package model_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

func TestNothingOfAHookThatFailedIsTakenOverButWhatIsImmediate(t *testing.T) {
	m := world(t, model.Options{})
	stop := t.TempDir() + "/stop"
	if err := os.WriteFile(stop, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" = config-changed ] || exit 0
		status-set blocked "it fails"
		application-version-set 1.2
		relation-set -r room:0 mine=1
		relation-set -r room:0 --app ours=1
		secret-add --label kept token=abc
		open-port 8443/tcp
		state-set a=b
		echo "what went wrong" >&2
		[ ! -e `+stop+` ] || exit 3
		status-set active`, 1)
	err := m.Settle()
	var failed *model.HookError
	if !errors.As(err, &failed) || failed.Hook.Name != "config-changed" || failed.Hook.Failure != "exit status 3" {
		t.Fatalf("settled with %v", err)
	}
	if !strings.Contains(err.Error(), "what went wrong") {
		t.Errorf("the error does not show what the hook printed: %v", err)
	}
	empty := len(m.Bag(0, "lxd-pool/0")) + len(m.Bag(0, "lxd-pool")) + len(m.Secrets()) + len(m.Ports("lxd-pool/0")) + len(m.State("lxd-pool/0"))
	if empty != 0 {
		t.Errorf("something was taken over: %s", m.Transcript())
	}
	if got := m.Status("lxd-pool/0").String(); got != "blocked: it fails" {
		t.Errorf("the status is %q", got)
	}
	if m.Version("lxd-pool") != "1.2" {
		t.Errorf("the version is %q", m.Version("lxd-pool"))
	}
	if err := os.Remove(stop); err != nil {
		t.Fatal(err)
	}
	m.SetConfig("lxd-pool", map[string]any{"size": 2})
	settle(t, m)
	all := hooks(m, "lxd-pool/0")
	if want := []string{"config-changed", "config-changed", "start", "room-relation-changed lxd-pool"}; !slices.Equal(all[3:], want) {
		t.Errorf("got  %q\nwant %q", all[3:], want)
	}
	if m.Bag(0, "lxd-pool/0")["mine"] != "1" || m.Bag(0, "lxd-pool")["ours"] != "1" {
		t.Error("what was written is not there")
	}
	if s := m.Secrets(); len(s) != 1 || s[0].Values[1]["token"] != "abc" || s[0].Owner != "lxd-pool" {
		t.Errorf("the secrets are %+v", s)
	}
	if got := m.Ports("lxd-pool/0"); !slices.Equal(got, []string{"8443/tcp"}) {
		t.Errorf("the ports are %q", got)
	}
	if m.State("lxd-pool/0")["a"] != "b" {
		t.Error("the state is not there")
	}
}

func TestOnlyTheLeaderWritesForItsApplicationAndReadsWhatItWrote(t *testing.T) {
	m := world(t, model.Options{})
	seen := t.TempDir()
	deploy(t, m, "lxd-pool", `
		exec 3>>"`+seen+`/${JUJU_UNIT_NAME#*/}"
		case "$JUJU_HOOK_NAME" in lease-relation-changed) ;; *) exit 0 ;; esac
		try() { if out=$("$@" 2>&1); then echo "ok $out"; else echo "no $out"; fi >&3; }
		try relation-set --app key=value
		try relation-get --app key lxd-pool
		try relation-get --app x web
		try secret-add token=abc
		try status-set --application active
		try relation-get -r room:0 --app x lxd-pool
		`, 2)
	deploy(t, m, "web", `[ "$JUJU_HOOK_NAME" != pool-relation-created ] || relation-set --app x=y`, 1)
	settle(t, m)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	leader, other := read(t, seen+"/0"), read(t, seen+"/1")
	if strings.Contains(leader, "no ") || !strings.Contains(leader, "ok value\nok y\nok secret:") {
		t.Errorf("the leader saw:\n%s", leader)
	}
	for _, want := range []string{
		"no ERROR cannot write relation settings", "no ERROR permission denied", "ok y",
		"no ERROR this unit is not the leader", "no ERROR this unit is not the leader", "ok ",
	} {
		if !strings.Contains(other, want) {
			t.Errorf("the other one did not see %q, but:\n%s", want, other)
		}
	}
}

func TestAHookThatLosesLeadershipFailsWhenItIsTakenOver(t *testing.T) {
	m := world(t, model.Options{Faults: model.Faults{Depose: .7}})
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" != leader-elected ] || relation-set -r room:0 --app "leader=$JUJU_UNIT_NAME"`, 2)
	settle(t, m)
	var failed []model.Hook
	for _, h := range m.Hooks() {
		if h.Failure != "" {
			failed = append(failed, h)
		}
	}
	if len(failed) == 0 || failed[0].Name != "leader-elected" || !strings.Contains(failed[0].Failure, "is not leader of") {
		t.Errorf("what failed is %v", failed)
	}
}

func TestTheEnvironmentOfAHookIsThatOfJuju(t *testing.T) {
	m := world(t, model.Options{})
	dir := t.TempDir()
	deploy(t, m, "lxd-pool", `env | sort > "`+dir+`/${JUJU_UNIT_NAME#*/}-$JUJU_HOOK_NAME"; pwd > `+dir+`/pwd`, 1)
	deploy(t, m, "web", "", 1)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	joined := read(t, dir+"/0-lease-relation-joined")
	for _, want := range []string{
		"JUJU_DISPATCH_PATH=hooks/lease-relation-joined\n", "JUJU_UNIT_NAME=lxd-pool/0\n", "JUJU_RELATION=lease\n",
		"JUJU_RELATION_ID=lease:2\n", "JUJU_REMOTE_UNIT=web/0\n", "JUJU_REMOTE_APP=web\n", "JUJU_MODEL_NAME=testing\n",
		"JUJU_AGENT_SOCKET_NETWORK=unix\n", "JUJU_VERSION=3.6.11\n", "JUJU_MACHINE_ID=1\n", "PATH=" + tools + ":",
	} {
		if !strings.Contains(joined, want) {
			t.Errorf("%q is not in:\n%s", want, joined)
		}
	}
	if strings.Contains(joined, "HOME=") || strings.Contains(joined, "JUJU_DEPARTING_UNIT") {
		t.Errorf("there is too much in:\n%s", joined)
	}
	created := read(t, dir+"/0-lease-relation-created")
	if !strings.Contains(created, "JUJU_REMOTE_UNIT=\n") || !strings.Contains(created, "JUJU_REMOTE_APP=web\n") {
		t.Errorf("the created hook had:\n%s", created)
	}
	if got := read(t, dir+"/pwd"); !strings.HasSuffix(got, "/unit-lxd-pool-0/charm\n") {
		t.Errorf("it ran in %q", got)
	}
}

func TestAnActionGivesResultsAndAFailureAndItsFlushStays(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", `
		[ -z "$JUJU_HOOK_NAME" ] || exit 0
		who=$(action-get who)
		state-set "greeted=$who"
		action-set greeting.text="hello $who"
		[ "$who" != enemy ] || action-fail "I do not greet $who"`, 1)
	settle(t, m)
	results, failure, err := m.RunAction("lxd-pool/0", "greet", nil)
	if err != nil || failure != "" || results["greeting"].(map[string]any)["text"] != "hello nobody" {
		t.Errorf("got %v, %q, %v", results, failure, err)
	}
	results, failure, err = m.RunAction("lxd-pool/0", "greet", map[string]any{"who": "enemy"})
	if err != nil || failure != "I do not greet enemy" || results["greeting"] == nil {
		t.Errorf("got %v, %q, %v", results, failure, err)
	}
	if m.State("lxd-pool/0")["greeted"] != "enemy" {
		t.Errorf("the state is %v", m.State("lxd-pool/0"))
	}
	if _, _, err := m.RunAction("lxd-pool/0", "greet", map[string]any{"whom": "x"}); err == nil {
		t.Error("a parameter that there is not was taken")
	}
	if _, _, err := m.RunAction("lxd-pool/0", "shout", nil); err == nil {
		t.Error("an action that there is not was run")
	}
}

func TestAResourceIsTheFileThatWasAttached(t *testing.T) {
	m := world(t, model.Options{})
	seen := t.TempDir() + "/seen"
	deploy(t, m, "lxd-pool", `
		if file=$(resource-get blob 2>&1); then cp "$file" `+seen+`; else echo "$file" > `+seen+`; fi`, 1)
	settle(t, m)
	if got := read(t, seen); !strings.Contains(got, "could not download resource") {
		t.Errorf("without one it saw %q", got)
	}
	m.AttachResource("lxd-pool", "blob", "main_test.go")
	settle(t, m)
	if read(t, seen) != read(t, "main_test.go") {
		t.Error("it saw another file")
	}
}

func TestWhatToolsSayAboutNetworkPortsGoalAndVersion(t *testing.T) {
	m := world(t, model.Options{})
	seen := t.TempDir() + "/seen"
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" = lease-relation-joined ] || exit 0
		{
			network-get lease --ingress-address
			network-get nowhere 2>&1 || true
			open-port 8443/tcp --endpoints lease
			opened-ports
			goal-state --format=json
			config-get --format=json
			relation-get - web/0
		} > `+seen, 1)
	deploy(t, m, "web", "", 1)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	got := read(t, seen)
	for _, want := range []string{
		"127.0.0.1\n", `no network config found for binding "nowhere"`, "8443/tcp\n",
		`"lease":{"web":{"status":"joined"`, `{"size":1}`, "ingress-address: 127.0.0.2",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if got := m.Ports("lxd-pool/0"); !slices.Equal(got, []string{"8443/tcp lease"}) {
		t.Errorf("the ports are %q", got)
	}
}

func TestArgumentsOfHookToolsAreKept(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", `
		[ "$JUJU_HOOK_NAME" = start ] || exit 0
		status-set active "it \"works\", [really]"
		printf 'a: "hidden"\n' | relation-set -r room:0 --file -`, 1)
	settle(t, m)
	var all []string
	for _, args := range m.Argv() {
		all = append(all, strings.Join(args, "|"))
	}
	if !slices.Contains(all, `status-set|active|it "works", [really]`) || !slices.Contains(all, "relation-set|-r|room:0|--file|-") {
		t.Errorf("they are %q", all)
	}
	if strings.Contains(strings.Join(all, "\n"), "hidden") || m.Bag(0, "lxd-pool/0")["a"] != "hidden" {
		t.Errorf("they are %q, and the bag %v", all, m.Bag(0, "lxd-pool/0"))
	}
}

func TestAWorldThatNeverComesToRestIsGivenUp(t *testing.T) {
	m := world(t, model.Options{Bound: 60})
	deploy(t, m, "lxd-pool", `
		case "$JUJU_HOOK_NAME" in room-relation-*) relation-set "at=$(date +%N)" ;; esac`, 2)
	if err := m.Settle(); err == nil || !strings.Contains(err.Error(), "room-relation-changed") {
		t.Errorf("it settled: %v", err)
	}
}

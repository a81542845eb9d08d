package model_test

import (
	"slices"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

func TestAUnitComesUpAndGoesInTheOrderOfJuju(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 1)
	settle(t, m)
	m.RemoveUnit("lxd-pool/0")
	settle(t, m)
	want := []string{
		"install", "room-relation-created lxd-pool", "leader-elected", "config-changed", "start",
		"stop", "remove",
	}
	if got := hooks(m, "lxd-pool/0"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if units := m.Units("lxd-pool"); len(units) != 0 {
		t.Errorf("there are still %v", units)
	}
}

func TestARelationIsCreatedThenJoinedAndChangedAtOnceAndApplicationDataComesBeforeJoins(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", `
		if [ "$JUJU_HOOK_NAME" = lease-relation-created ] && [ "$(is-leader)" = True ]; then
			relation-set --app version=0
		fi`, 1)
	settle(t, m)
	deploy(t, m, "web", "", 1)
	settle(t, m)
	before := len(hooks(m, "web/0"))
	m.Relate("web:pool", "lxd-pool:lease")
	runOnly(t, m, "lxd-pool/0", "lease-relation-created")
	settle(t, m)
	want := []string{
		"pool-relation-created lxd-pool",
		"pool-relation-changed lxd-pool",
		"pool-relation-joined lxd-pool/0",
		"pool-relation-changed lxd-pool/0",
	}
	if got := hooks(m, "web/0")[before:]; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// runOnly steps until a unit has run a hook, whoever else runs one meanwhile.
func runOnly(t *testing.T, m *model.Model, unit, hook string) {
	t.Helper()
	for {
		h, err := m.Step()
		if err != nil || h == nil {
			t.Fatalf("%s has not run %s: %v", unit, hook, err)
		}
		if h.Unit == unit && h.Name == hook {
			return
		}
	}
}

func TestAUnitThatLeavesIsToldThatItIsItselfWhoDeparts(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 2)
	deploy(t, m, "web", "", 1)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	before := len(m.Hooks())
	m.RemoveUnit("lxd-pool/0")
	settle(t, m)
	departing := map[string]string{}
	var leaving []string
	for _, h := range m.Hooks()[before:] {
		if h.Departing != "" {
			departing[h.Unit+" "+h.Relation+" "+h.Remote] = h.Departing
		}
		if h.Unit == "lxd-pool/0" {
			leaving = append(leaving, h.Name)
		}
	}
	for _, where := range []string{
		"lxd-pool/0 lease:2 web/0", "lxd-pool/0 room:0 lxd-pool/1",
		"web/0 pool:2 lxd-pool/0", "lxd-pool/1 room:0 lxd-pool/0",
	} {
		if departing[where] != "lxd-pool/0" {
			t.Errorf("%s: %q departs, of %v", where, departing[where], departing)
		}
	}
	want := []string{
		"lease-relation-departed", "lease-relation-broken", "room-relation-departed", "stop", "remove",
	}
	if !slices.Equal(leaving, want) {
		t.Errorf("got  %q\nwant %q", leaving, want)
	}
	if m.Leader("lxd-pool") != "lxd-pool/1" {
		t.Errorf("%q leads", m.Leader("lxd-pool"))
	}
}

// Juju's agent does not look again whether a relation is still alive. So in
// relation-broken, relation-ids still lists it, unless the agent has started
// since the relation began to end: then it is hidden.
func TestABrokenRelationCanBeReadAndIsHiddenOnlyAfterARestartOfTheAgent(t *testing.T) {
	for name, want := range map[string]string{"running": "ids=pool:2", "restarted": "ids="} {
		t.Run(name, func(t *testing.T) {
			m := world(t, model.Options{})
			seen := t.TempDir() + "/seen"
			deploy(t, m, "lxd-pool", "", 1)
			deploy(t, m, "web", `
				case "$JUJU_HOOK_NAME" in
				pool-relation-joined) relation-set a=b ;;
				pool-relation-broken)
					{
						echo "ids=$(relation-ids pool)"
						echo "list=$(relation-list -r "$JUJU_RELATION_ID")"
						echo "own=$(relation-get -r "$JUJU_RELATION_ID" a web/0)"
						echo "app=$(relation-list -r "$JUJU_RELATION_ID" --app)"
						echo "remote=$JUJU_REMOTE_UNIT"
						relation-set -r "$JUJU_RELATION_ID" c=d
					} > `+seen+` ;;
				esac`, 1)
			m.Relate("web:pool", "lxd-pool:lease")
			settle(t, m)
			m.Unrelate("web:pool", "lxd-pool:lease")
			if name == "restarted" {
				m.RestartAgent("web/0")
			}
			settle(t, m)
			want += "\nlist=\nown=b\napp=lxd-pool\nremote=\n"
			if got := read(t, seen); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if id := m.RelationID("web:pool", "lxd-pool:lease"); id != -1 {
				t.Errorf("the relation is still there: %d", id)
			}
		})
	}
}

func TestConfigUpgradeRebootAndTheClockHaveHooksOfTheirOwn(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 1)
	settle(t, m)
	for _, step := range []struct {
		what func()
		want []string
	}{
		{func() { m.SetConfig("lxd-pool", map[string]any{"size": 3}) }, []string{"config-changed"}},
		{func() { m.Upgrade("lxd-pool") }, []string{"upgrade-charm", "config-changed"}},
		{func() { m.Reboot("lxd-pool/0") }, []string{"start"}},
		{func() { m.UpdateStatus("lxd-pool/0") }, []string{"update-status"}},
		{func() { m.AttachResource("lxd-pool", "blob", "main_test.go") }, []string{"upgrade-charm", "config-changed"}},
		{func() { m.SetConfig("lxd-pool", map[string]any{"size": 3}) }, nil},
	} {
		before := len(hooks(m, "lxd-pool/0"))
		step.what()
		settle(t, m)
		if got := hooks(m, "lxd-pool/0")[before:]; !slices.Equal(got, step.want) {
			t.Errorf("got  %q\nwant %q", got, step.want)
		}
	}
}

func TestLeadershipMovesAndIsTold(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 2)
	settle(t, m)
	if got := hooks(m, "lxd-pool/1"); !slices.Contains(got, "leader-settings-changed") || slices.Contains(got, "leader-elected") {
		t.Errorf("lxd-pool/1 ran %q", got)
	}
	before := len(hooks(m, "lxd-pool/1"))
	m.SetLeader("lxd-pool/1")
	settle(t, m)
	if got := hooks(m, "lxd-pool/1")[before:]; !slices.Equal(got, []string{"leader-elected"}) {
		t.Errorf("lxd-pool/1 ran %q", got)
	}
}

func TestADeadUnitRunsNothingAndIsSeenToDepartWhenItIsForcedOut(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 2)
	deploy(t, m, "web", "", 1)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	before := len(m.Hooks())
	m.KillUnit("lxd-pool/0")
	m.SetConfig("lxd-pool", map[string]any{"size": 2})
	settle(t, m)
	m.ForceRemove("lxd-pool/0")
	settle(t, m)
	var web []string
	for _, h := range m.Hooks()[before:] {
		switch h.Unit {
		case "lxd-pool/0":
			t.Errorf("the dead unit ran %s", h)
		case "web/0":
			web = append(web, h.Name+" "+h.Remote+" "+h.Departing)
		}
	}
	if want := []string{"pool-relation-departed lxd-pool/0 lxd-pool/0"}; !slices.Equal(web, want) {
		t.Errorf("got  %q\nwant %q", web, want)
	}
}

func TestAnApplicationGoesWithItsUnitsAndRelations(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 2)
	deploy(t, m, "web", "", 1)
	m.Relate("web:pool", "lxd-pool:lease")
	settle(t, m)
	m.RemoveApp("lxd-pool")
	settle(t, m)
	if got := m.RelationID("web:pool", "lxd-pool:lease"); got != -1 {
		t.Errorf("the relation is still there: %d", got)
	}
	if got := hooks(m, "web/0"); got[len(got)-1] != "pool-relation-broken lxd-pool" {
		t.Errorf("web/0 ran %q", got)
	}
}

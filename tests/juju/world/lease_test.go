package world

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/programs"
)

func TestARelatedApplicationGetsWhatItAsksForAndGivesItBack(t *testing.T) {
	w := newWorld(t, model.Options{Tools: built.tools})
	w.deployPool(1, nil)
	w.settle()
	w.status("lxd-pool/0", "active")
	w.deployWeb("web", 1, map[string]any{"count": 3})
	w.settle()
	w.status("lxd-pool/0", "active: 3 leases")
	w.status("web/0", "active: 3 of 3 leases")
	w.mustCount("web", map[string]int{"web/0": 3})
	w.check("web")

	w.SetConfig("web", map[string]any{"count": 1, "ttl": "20m"})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 1})
	w.check("web")

	// Whoever dies now, Juju or the unit: the daemon itself ends it in time.
	w.SetConfig("web", map[string]any{"request": "short"})
	w.settle()
	if left := time.Until(w.leases("web")[0].Expires); left < 15*time.Minute || left > 20*time.Minute {
		t.Errorf("a lease for 20 minutes ends in %s", left)
	}

	w.Unrelate("web:pool", "lxd-pool:lease")
	w.settle()
	w.status("web/0", "blocked: relate me to lxd-pool")
	w.status("lxd-pool/0", "active")
	w.check()
	w.discreet()

	w.RemoveApp("lxd-pool")
	w.settle()
	if left := w.machine("lxd-pool/0").Instances(); len(left) > 0 {
		t.Errorf("a removed unit leaves %v", left)
	}
	if snaps := strings.Join(w.machine("lxd-pool/0").Snaps(), " "); snaps != "lxd" {
		t.Errorf("a removed unit leaves the snaps %s", snaps)
	}
}

// A unit that leads before it has met those who are served takes nothing away,
// and neither does a leader that leaves.
func TestLeasesStayWhereTheyAreWhoeverLeads(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(2, nil)
	w.deployWeb("web", 2, map[string]any{"count": 2})
	w.settle()
	before := fmt.Sprint(w.leases("web"))
	w.AddUnit("lxd-pool")
	for w.Status("lxd-pool/2").Status != "active" {
		if _, err := w.Step(); err != nil {
			t.Fatal(err)
		}
	}
	w.SetLeader("lxd-pool/2")
	w.settle()
	if after := fmt.Sprint(w.leases("web")); after != before {
		t.Errorf("the leases were %s, and with a new leader they are %s", before, after)
	}
	first := said[lease](w, "web", "lxd-pool/1", "leases")
	w.SetLeader("lxd-pool/0")
	w.settle()
	w.RemoveUnit("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 2, "web/1": 2})
	for _, l := range first {
		if !slices.ContainsFunc(w.leases("web"), func(n lease) bool { return n.ID == l.ID }) {
			t.Errorf("%s has lost %s of a unit that stayed", l.Unit, l.ID)
		}
	}
	w.check("web")
}

func TestUnitsShareWhatIsAskedForAndTakeOverFromOneThatLeaves(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	w.deployWeb("web", 2, map[string]any{"count": 3})
	w.settle()
	if n := len(w.leases("web")); n != 4 {
		t.Errorf("%d leases from one unit of at most 4", n)
	}
	short := w.problems("web")
	if len(short) != 1 || short[0].Code != "exhausted" || !strings.Contains(short[0].Reason, "2 of 3 missing") || !strings.Contains(short[0].Next, "add a unit") {
		t.Errorf("of what is missing it says %+v", short)
	}
	w.check("web")

	w.AddUnit("lxd-pool")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 3, "web/1": 3})
	w.check("web")

	w.AddUnit("lxd-pool")
	w.settle()
	w.RemoveUnit("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 3, "web/1": 3})
	w.check("web")
	if left := w.machine("lxd-pool/0").Instances(); len(left) > 0 {
		t.Errorf("the unit that left has %v", left)
	}

	w.KillUnit("lxd-pool/1")
	w.settle()
	w.ForceRemove("lxd-pool/1")
	w.AddUnit("lxd-pool")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 3, "web/1": 3})
	w.check("web")

	w.RemoveUnit("web/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/1": 3})
	w.check("web")
	w.discreet()
}

// The library for charms in Python says and reads the same.
func TestACharmInPythonLeasesToo(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	tree := programs.Tree()
	state := t.TempDir()
	w.Deploy("web", filepath.Join(tree, "tests/charms/python-web"), map[string]any{"count": 2}, func(string) []string {
		return []string{"CHARM_STATE=" + state, "PYTHONDONTWRITEBYTECODE=1",
			"PYTHONPATH=" + filepath.Join(tree, "charm/lib") + ":" + filepath.Join(tree, "tests/charms/python")}
	})
	w.AddUnit("web")
	w.Relate("web:pool", "lxd-pool:lease")
	w.settle()
	w.status("web/0", "active: 2 of 2 leases")
	w.mustCount("web", map[string]int{"web/0": 2})
	w.check("web")
	if out := fmt.Sprint(w.act("web/0", "run", map[string]any{"command": "hostname"})); !strings.Contains(out, "exit-status:0") {
		t.Errorf("a command over the API gives %s", out)
	}
	w.Unrelate("web:pool", "lxd-pool:lease")
	w.settle()
	w.status("web/0", "blocked")
	w.check()
}

package world

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

// act runs an action that must succeed.
func (w *world) act(unit, name string, params map[string]any) map[string]any {
	w.t.Helper()
	results, failure, err := w.RunAction(unit, name, params)
	if err != nil || failure != "" {
		w.t.Fatalf("%s of %s: %s, %v", name, unit, failure, err)
	}
	return results
}

func TestOperatorsSeeAndTakeBackLeasesByActions(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	w.deployWeb("web", 1, map[string]any{"count": 2, "purpose": "nightly tests"})
	w.deployWeb("app", 1, map[string]any{"count": 1})
	w.settle()
	listed := w.act("lxd-pool/0", "list-leases", nil)
	if listed["count"] != "3" || !strings.Contains(fmt.Sprint(listed["leases"]), "web of web/0: nightly tests") {
		t.Errorf("list-leases gives %v", listed)
	}
	if status := fmt.Sprint(w.act("lxd-pool/0", "get-status", nil)); !strings.Contains(status, `"leased":3`) || !strings.Contains(status, "version") {
		t.Errorf("get-status gives %s", status)
	}
	one := w.leases("web")[0]
	w.act("lxd-pool/0", "revoke", map[string]any{"lease": one.ID, "reason": "needed elsewhere"})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 1})
	if said := w.problems("web"); len(said) != 1 || said[0].Code != "revoked" || !strings.Contains(said[0].Reason, "needed elsewhere") {
		t.Errorf("of the revoked lease it says %+v", said)
	}
	w.check("web", "app")
	w.UpdateStatus("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 1})
	w.SetConfig("web", map[string]any{"request": "again"})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 2})

	w.act("lxd-pool/0", "revoke", map[string]any{"relation": fmt.Sprintf("lease:%d", w.RelationID("app:pool", "lxd-pool:lease"))})
	w.settle()
	w.mustCount("app", map[string]int{})
	w.check("web", "app")
	w.act("lxd-pool/0", "revoke", map[string]any{"holder": fmt.Sprintf("juju:lease:%d/web/0", w.RelationID("web:pool", "lxd-pool:lease"))})
	w.settle()
	w.mustCount("web", map[string]int{})
	if _, failure, err := w.RunAction("lxd-pool/0", "revoke", map[string]any{"lease": one.ID}); err != nil || !strings.Contains(failure, "no running lease of this unit is meant") {
		t.Errorf("a lease that has ended: %s, %v", failure, err)
	}
	if _, _, err := w.RunAction("lxd-pool/0", "revoke", nil); err == nil {
		t.Error("an action without what it is about is taken")
	}
	// By whatever way an operator takes one back: it is not given again.
	w.SetConfig("web", map[string]any{"request": "third"})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 2})
	w.revoke("lxd-pool/0", w.leases("web")[0].ID)
	w.UpdateStatus("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 1})
	w.check("web", "app")
	w.act("lxd-pool/0", "reset-pool", nil)
	w.act("lxd-pool/0", "refill", nil)
	if _, failure, _ := w.RunAction("lxd-pool/0", "refill", map[string]any{"pool": "none"}); !strings.Contains(failure, "none") {
		t.Errorf("of a pool that there is not it says %s", failure)
	}
	w.status("lxd-pool/0", "active")
}

// A token is made for somebody without a relation. It is in a secret of the
// model, and nowhere else.
func TestATokenIsMadeIntoASecret(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	w.settle()
	made := w.act("lxd-pool/0", "create-token", map[string]any{"name": "ci", "pools": "default", "max-leases": 2, "expires": "8h"})
	text, _ := json.Marshal(made)
	if strings.Contains(string(text), "lpn_") || made["holder"] != "token:ci" {
		t.Errorf("the action gives %s", text)
	}
	found := ""
	for _, s := range w.Secrets() {
		if s.ID == made["secret"] && s.Owner == "lxd-pool/0" {
			found = s.Values[1]["token"]
		}
	}
	if !strings.HasPrefix(found, "lpn_") {
		t.Errorf("the secret has %q", found)
	}
	if _, failure, err := w.RunAction("lxd-pool/0", "create-token", map[string]any{"name": "ci"}); err != nil || !strings.Contains(failure, "there is or was one of that name") {
		t.Errorf("twice: %s, %v", failure, err)
	}
	w.discreet()
}

// Package charms tests the example charms, each with hook tools made for it and
// with lxd-pool's real API. In tests/juju they meet the charm of lxd-pool.
package charms

import (
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

func TestAUnitSaysWhatItNeedsAndHowItIs(t *testing.T) {
	everyCharm(t, func(t *testing.T, u *unit) {
		u.hook("install")
		u.status("blocked", "relate me to lxd-pool")

		u.Config["count"], u.Config["ttl"], u.Config["purpose"] = 3, "30m", "tests"
		u.relate("pool:1", lease.Answer{})
		u.hook("pool-relation-created", "JUJU_RELATION=pool", "JUJU_RELATION_ID=pool:1", "JUJU_REMOTE_APP=lxd-pool")
		u.status("waiting", "0 of 3 leases")
		want := lease.Request{ID: "web", Pool: "default", Count: 3, TTL: pool.Duration(30 * 60e9), Purpose: "tests"}
		if got := u.asked("pool:1"); len(got) != 1 || got[0] != want {
			t.Errorf("it asks for %+v", got)
		}

		u.relate("pool:1", lease.Answer{Problems: []lease.Problem{
			{Unit: "web/1", Request: "web", Code: "no-pool", Reason: "not mine"},
			{Unit: "web/0", Request: "web", Code: "exhausted", Reason: "no room", Next: "add a unit"},
		}})
		u.hook("pool-relation-changed", "JUJU_RELATION=pool", "JUJU_RELATION_ID=pool:1", "JUJU_REMOTE_APP=lxd-pool", "JUJU_REMOTE_UNIT=lxd-pool/0")
		u.status("waiting", "0 of 3 leases: no room; add a unit")
		u.relate("pool:1", lease.Answer{Problems: []lease.Problem{{Unit: "web/0", Request: "web", Code: "too-hot", Reason: "it melts"}}})
		u.hook("update-status")
		u.status("blocked", "0 of 3 leases: it melts")

		u.Config["ttl"] = "soon"
		u.hook("config-changed")
		u.status("blocked", "cannot ")
		u.Config["ttl"], u.Config["count"] = "", 0
		u.hook("config-changed")
		if got := u.asked("pool:1"); got != nil {
			t.Errorf("it still asks for %+v", got)
		}

		// Juju's agent still names the relation, unless it was started meanwhile.
		u.Relations["pool:1"].Bags = nil
		u.hook("pool-relation-broken", "JUJU_RELATION=pool", "JUJU_RELATION_ID=pool:1", "JUJU_REMOTE_APP=lxd-pool")
		u.status("blocked", "relate me to lxd-pool")
	})
}

func TestACommandRunsOnceInEachLeaseWithWhatTheRelationGave(t *testing.T) {
	everyCharm(t, func(t *testing.T, u *unit) {
		d := newDaemon(t)
		list := d.grant("web/0", "web", 2)
		others := d.grant("web/1", "web", 1)
		u.Config["count"] = 2
		u.answer("pool:1", d.api, append(others, list...))
		delete(u.Secrets, others[0].Secret)
		u.hook("pool-relation-changed")
		u.status("active", "2 of 2 leases: ")
		for _, g := range list {
			if !strings.Contains(u.Message, string(g.Instance)) {
				t.Errorf("%s is not in %q", g.Instance, u.Message)
			}
			shown := u.action("show", nil)
			name := string(g.Instance)
			if shown[name+".lease"] != string(g.ID) || shown[name+".output"] != name+"\n" || shown[name+".exit-status"] != "0" || shown[name+".api"] != d.api.URL {
				t.Errorf("it shows %v", shown)
			}
		}

		// It is not run again: that could not be, with an API that is not to be trusted.
		_, other := ownCertificate(t)
		u.answer("pool:1", lease.API{URL: d.api.URL, CA: other}, list)
		u.hook("update-status")
		u.status("active", "2 of 2 leases: ")

		u.answer("pool:1", d.api, list)
		u.Config["command"] = "exit 3"
		u.hook("config-changed")
		u.status("blocked", "the command ends with status 3 in ")
	})
}

func TestActionsRunWhatTheyAreGiven(t *testing.T) {
	everyCharm(t, func(t *testing.T, u *unit) {
		d := newDaemon(t)
		u.action("run", map[string]any{"command": "hostname"})
		if !strings.Contains(u.Failure, "there are no leases") {
			t.Errorf("without leases: %q", u.Failure)
		}
		list := d.grant("web/0", "web", 2)
		u.answer("pool:1", d.api, list)
		results := u.action("run", map[string]any{"command": "echo all of them"})
		for _, g := range list {
			if name := string(g.Instance); results[name+".output"] != "all of them\n" || results[name+".exit-status"] != "0" || u.Failure != "" {
				t.Errorf("the results are %v %q", results, u.Failure)
			}
		}
		name := string(list[1].Instance)
		results = u.action("run", map[string]any{"lease": list[1].ID, "command": []string{"echo", "a  b", "$HOME"}})
		if results[name+".output"] != "a  b $HOME\n" || len(results) != 3 {
			t.Errorf("the results are %v", results)
		}
		results = u.action("run", map[string]any{"lease": list[1].ID, "command": "exit 7"})
		if results[name+".exit-status"] != "7" || u.Failure != "" {
			t.Errorf("the results are %v %q", results, u.Failure)
		}
		u.action("run", map[string]any{"lease": "default.nope", "command": "true"})
		if !strings.Contains(u.Failure, "there is no lease default.nope") {
			t.Errorf("of an unknown lease it says %q", u.Failure)
		}
		if _, err := d.manager.Revoke(t.Context(), list[1].ID, "root", "the host is going down"); err != nil {
			t.Fatal(err)
		}
		results = u.action("run", map[string]any{"lease": list[1].ID, "command": "true"})
		if !strings.Contains(u.Failure, "cannot run the command in "+name) || results[name+".error"] == "" {
			t.Errorf("of a lease that has ended it says %q %v", u.Failure, results)
		}
	})
}

// A certificate that the relation does not vouch for is not trusted.
func TestAnotherDaemonAtTheSameAddressIsNotTrusted(t *testing.T) {
	everyCharm(t, func(t *testing.T, u *unit) {
		d := newDaemon(t)
		list := d.grant("web/0", "web", 1)
		_, other := ownCertificate(t)
		u.answer("pool:1", lease.API{URL: d.api.URL, CA: other}, list)
		u.hook("pool-relation-changed")
		u.status("waiting", "cannot run the command in "+string(list[0].Instance))
		u.answer("pool:1", d.api, list)
		u.hook("secret-changed", "JUJU_SECRET_ID="+list[0].Secret)
		u.status("active", "1 of 1 leases: "+string(list[0].Instance))
	})
}

package world

import (
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/snapd"
)

// What is wrong blocks the unit and says what to type; leases live on, requests
// are served as before, and the right value brings it back.
func TestAWrongOptionBlocksWithItsRemedyAndIsMendedByTheRightOne(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	w.deployWeb("web", 1, map[string]any{"count": 2})
	w.settle()
	before := w.leases("web")
	for _, c := range []struct {
		option      string
		bad, good   any
		why, remedy string
	}{
		{"size", -1, 1, "cannot use size=-1: it must not be negative", "juju config lxd-pool size=VALUE"},
		{"image", "there-is-none", "busybox", `cannot use image "there-is-none": there is no such image`, "juju config lxd-pool image=VALUE"},
		{"expose", "everything", "proxy", "cannot use expose=everything: use api, direct or proxy", "juju config lxd-pool expose=VALUE"},
		{"pools", "web: {colour: red}", "", `cannot use pools: pool web: a spec has no key "colour"`, "juju config lxd-pool pools=VALUE"},
		{"ssh-ports", "many", "20000-20999", "cannot use ssh-ports=many: write it like 20000-20999", "juju config lxd-pool ssh-ports=VALUE"},
	} {
		w.SetConfig("lxd-pool", map[string]any{c.option: c.bad})
		w.settle()
		w.status("lxd-pool/0", "blocked: "+c.why)
		w.status("lxd-pool/0", c.remedy)
		w.SetConfig("web", map[string]any{"count": 3})
		w.settle()
		w.mustCount("web", map[string]int{"web/0": 3})
		w.SetConfig("web", map[string]any{"count": 2})
		w.SetConfig("lxd-pool", map[string]any{c.option: c.good})
		w.settle()
		w.status("lxd-pool/0", "active: 2 leases")
		w.check("web")
	}
	after := w.leases("web")
	if len(after) != 2 || after[0].ID != before[0].ID || after[1].ID != before[1].ID {
		t.Errorf("the leases were %v, and are %v", before, after)
	}
	if w.machine("lxd-pool/0").Kill(); w.Settle() != nil {
		t.Error("it does not settle")
	}
	w.UpdateStatus("lxd-pool/0")
	w.settle()
	w.check("web")
}

// A request that cannot be served is answered with the reason.
func TestWhatCannotBeServedIsAnsweredWithTheReason(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, map[string]any{"pools": "small: {image: busybox, size: 1, max: 1}"})
	w.deployWeb("web", 1, map[string]any{"pool": "big"})
	w.settle()
	said := w.problems("web")
	if len(said) != 1 || said[0].Code != "no-pool" || !strings.Contains(said[0].Reason, "the pools are default, small") || said[0].Unit != "web/0" {
		t.Errorf("of a pool that there is not it says %+v", said)
	}
	w.status("web/0", `there is no pool "big"`)
	w.SetConfig("web", map[string]any{"pool": "small", "count": 2})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 1})
	w.SetConfig("lxd-pool", map[string]any{"pools": "small: {image: busybox, size: 1, max: 3}"})
	w.settle()
	w.UpdateStatus("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 2})
	w.SetConfig("lxd-pool", map[string]any{"max-leases-per-relation": 3})
	w.SetConfig("web", map[string]any{"count": 4})
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 3})
	if said := w.problems("web"); len(said) != 1 || said[0].Code != "limit" {
		t.Errorf("of the limit it says %+v", said)
	}
	w.check("web")
}

// The charm brings what is missing, says what only somebody else can mend, and
// takes back what it brought.
func TestTheCharmBringsItsSnapsAndTakesThemBack(t *testing.T) {
	w := newWorld(t, model.Options{})
	bare := snapd.New(t, snapd.Options{Programs: built.dir, Bare: true})
	w.machines["lxd-pool/0"] = bare
	w.deployPool(1, map[string]any{"lxd-channel": "", "channel": "latest/edge"})
	w.settle()
	w.status("lxd-pool/0", "blocked: there is no LXD on this machine: install it, or have it installed: set the option lxd-channel")
	bare.Refuse("lxd", "snap-channel-not-available")
	w.SetConfig("lxd-pool", map[string]any{"lxd-channel": "9.9/stable"})
	w.settle()
	w.status("lxd-pool/0", `blocked: the store has no snap lxd in channel "9.9/stable": set the option lxd-channel`)
	w.SetConfig("lxd-pool", map[string]any{"lxd-channel": "5.21/stable", "lxd-bridge-address": "10.99.0.1/24", "lxd-storage-size": "20GiB"})
	w.settle()
	w.status("lxd-pool/0", "active")
	made := strings.Join(bare.Made(), "\n")
	for _, want := range []string{`"driver":"btrfs"`, `"size":"20GiB"`, `"ipv4.address":"10.99.0.1/24"`, `/1.0/profiles/default`} {
		if !strings.Contains(made, want) {
			t.Errorf("LXD was set up without %s: %s", want, made)
		}
	}
	if held, channel := bare.Held("lxd-pool"); !held || channel != "latest/edge" {
		t.Errorf("the snap is held: %v, from %s", held, channel)
	}
	w.SetConfig("lxd-pool", map[string]any{"channel": "latest/stable"})
	w.settle()
	if _, channel := bare.Held("lxd-pool"); channel != "latest/stable" {
		t.Errorf("the snap is still from %s", channel)
	}
	if got := strings.Join(w.Ports("lxd-pool/0"), " "); got != "20000-20999/tcp 8743/tcp" {
		t.Errorf("the ports %s are open", got)
	}
	w.SetConfig("lxd-pool", map[string]any{"ssh-ports": "20000-21999", "port": 8744})
	w.settle()
	w.status("lxd-pool/0", "active")
	w.UpdateStatus("lxd-pool/0")
	w.settle()
	if got := strings.Join(w.Ports("lxd-pool/0"), " "); got != "20000-20999/tcp 21000-21999/tcp 8744/tcp" {
		t.Errorf("after a change the ports %s are open", got)
	}
	before := len(bare.Made())
	w.UpdateStatus("lxd-pool/0")
	w.settle()
	if after := bare.Made(); len(after) != before || before != 3 {
		t.Errorf("LXD is set up again and again: %v", after)
	}
	if w.Version("lxd-pool") == "" {
		t.Error("the version of the workload is not told")
	}
	w.RemoveUnit("lxd-pool/0")
	w.settle()
	if snaps := bare.Snaps(); len(snaps) > 0 || len(bare.Instances()) > 0 {
		t.Errorf("it leaves %v with %v", snaps, bare.Instances())
	}
}

func TestAnUpgradeTakesTheAttachedSnap(t *testing.T) {
	w := newWorld(t, model.Options{})
	w.deployPool(1, nil)
	w.deployWeb("web", 1, nil)
	w.settle()
	file := t.TempDir() + "/lxd-pool.snap"
	write(t, file, "no package at all")
	w.AttachResource("lxd-pool", "lxd-pool-snap", file)
	w.settle()
	w.status("lxd-pool/0", "blocked: cannot install the attached snap: cannot open snap: not a snap or snapdir: juju attach-resource with another file")
	write(t, file, "snap of another version")
	w.AttachResource("lxd-pool", "lxd-pool-snap", file)
	w.settle()
	w.status("lxd-pool/0", "active: 1 lease")
	w.Upgrade("lxd-pool")
	w.Reboot("lxd-pool/0")
	w.settle()
	w.mustCount("web", map[string]int{"web/0": 1})
	w.check("web")
}

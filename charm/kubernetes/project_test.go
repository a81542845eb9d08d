// Package kubernetes has the metadata of the charm for Kubernetes.
package kubernetes_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/charm/pebble"
	"github.com/lxd-pool/lxd-pool/tests/schemas"
)

const (
	projectFile = "charmcraft.yaml"
	ofMachines  = "../charmcraft.yaml"
)

type project struct {
	Assumes                   []any
	Links                     map[string]any
	Platforms                 map[string]any
	Parts                     map[string]struct{ Prime []string }
	Provides, Requires, Peers map[string]any
	Containers                map[string]struct {
		Resource string
		Mounts   []struct{ Storage, Location string }
	}
	Resources map[string]struct{ Type string }
	Storage   map[string]struct{ Type string }
	Config    struct {
		Options map[string]map[string]any
	}
	Actions map[string]any
}

func read(t *testing.T, file string) project {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var p project
	if err := yaml.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// The schema is charmcraft's own, and no part of this tree.
func TestTheProjectFileIsOneThatCharmcraftTakes(t *testing.T) {
	schemas.Check(t, "charmcraft.json", projectFile)
}

// ofAMachine are the options about what there is only on a machine: its snaps,
// its LXD, and its addresses, which ports are passed on from.
var ofAMachine = []string{
	"channel", "lxd-channel", "lxd-storage-driver", "lxd-storage-size", "lxd-storage-source", "lxd-bridge-address",
	"metrics-port", "ssh-ports",
}

// toldDifferently are those that have another default or description.
var toldDifferently = []string{"expose", "lxd-address"}

func TestBothCharmsHaveTheSameOptionsButForThoseOfAMachine(t *testing.T) {
	ours, theirs := read(t, projectFile).Config.Options, read(t, ofMachines).Config.Options
	for _, name := range ofAMachine {
		if theirs[name] == nil {
			t.Errorf("there is no option %s of a machine any more", name)
		}
		delete(theirs, name)
	}
	if ours, theirs := slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)); !slices.Equal(ours, theirs) {
		t.Fatalf("the options are\n%q, those of the charm for machines\n%q", ours, theirs)
	}
	for name, option := range ours {
		other := theirs[name]
		if slices.Contains(toldDifferently, name) {
			option, other = map[string]any{"type": option["type"]}, map[string]any{"type": other["type"]}
		}
		if !reflect.DeepEqual(option, other) {
			t.Errorf("option %s is\n%v, that of the charm for machines\n%v", name, option, other)
		}
	}
}

// cos-agent is for an agent on the same machine.
func TestBothCharmsHaveTheSameEndpointsButForThatOfAnAgent(t *testing.T) {
	ours, theirs := read(t, projectFile), read(t, ofMachines)
	if theirs.Provides["cos-agent"] == nil {
		t.Error("there is no endpoint cos-agent any more")
	}
	delete(theirs.Provides, "cos-agent")
	for what, both := range map[string][2]map[string]any{
		"provides": {ours.Provides, theirs.Provides}, "requires": {ours.Requires, theirs.Requires}, "peers": {ours.Peers, theirs.Peers},
		"actions": {ours.Actions, theirs.Actions}, "links": {ours.Links, theirs.Links}, "platforms": {ours.Platforms, theirs.Platforms},
	} {
		if len(both[0]) == 0 || !reflect.DeepEqual(both[0], both[1]) {
			t.Errorf("%s: %v, in the charm for machines %v", what, both[0], both[1])
		}
	}
}

func TestAUnitHasTheContainerThatTheCharmLooksFor(t *testing.T) {
	p := read(t, projectFile)
	c, ok := p.Containers[pebble.Container]
	if !ok || len(p.Containers) != 1 || len(c.Mounts) != 1 {
		t.Fatalf("the containers are %v", p.Containers)
	}
	if p.Resources[c.Resource].Type != "oci-image" || len(p.Resources) != 1 {
		t.Errorf("the image %s is none of the resources %v", c.Resource, p.Resources)
	}
	if p.Storage[c.Mounts[0].Storage].Type != "filesystem" || c.Mounts[0].Location != "/var/lib/lxd-pool" {
		t.Errorf("the mounts are %v of the storage %v", c.Mounts, p.Storage)
	}
	for _, want := range []any{"juju >= 3.6", "k8s-api"} {
		if !slices.Contains(p.Assumes, want) {
			t.Errorf("it assumes %v, and not %s", p.Assumes, want)
		}
	}
}

// The program is under another licence than its source.
func TestTheCharmHasTheTextOfItsLicence(t *testing.T) {
	for name, part := range read(t, projectFile).Parts {
		if !slices.Contains(part.Prime, "COPYING") {
			t.Errorf("part %s primes %v", name, part.Prime)
		}
	}
	if text, err := os.ReadFile("../../cmd/lxd-pool-k8s-charm/COPYING"); err != nil || len(text) < 30000 {
		t.Errorf("the text of the licence has %d bytes, %v", len(text), err)
	}
}

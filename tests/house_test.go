// Package tests holds what concerns the whole project rather than one package.
package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lxd-pool/lxd-pool/"

// house says which packages of the project a package may import, its tests
// aside. What is not named here may import nothing of the project. A trailing
// "..." stands for everything below.
var house = map[string][]string{
	"pool":                   {},
	"pool/memstore":          {"pool"},
	"pool/boltstore":         {"pool"},
	"pool/simbackend":        {"pool"},
	"pool/lxdbackend":        {"pool"},
	"pool/backendtest":       {"pool"},
	"pool/storetest":         {"pool"},
	"pool/pooltest":          {"pool"},
	"pool/api":               {"pool"},
	"pool/folder":            {"pool"},
	"pool/server":            {"pool", "pool/api"},
	"pool/client":            {"pool", "pool/api"},
	"pool/specyaml":          {"pool", "pool/api"},
	"cmd/lxd-pool":           {"pool", "pool/api", "pool/client", "pool/folder", "pool/specyaml", "cmd/internal/..."},
	"cmd/lxd-poold":          {"pool", "pool/...", "cmd/internal/..."},
	"cmd/internal/...":       {"pool", "pool/api"},
	"hooks":                  {"pool", "pool/api", "pool/client"},
	"charm/hooktool":         {},
	"charm":                  {"pool", "pool/api", "pool/client", "pool/specyaml", "charm/hooktool", "charm/lease", "charm/observability"},
	"charm/machine":          {"pool", "pool/api", "pool/client", "charm"},
	"cmd/lxd-pool-charm":     {"charm", "charm/hooktool", "charm/machine"},
	"cmd/lxd-pool-k8s-charm": {"charm", "charm/hooktool", "charm/pebble"},
	"charm/lease":            {"pool", "pool/api", "pool/client", "charm/hooktool"},
	"charm/pebble":           {"pool", "pool/api", "pool/client", "charm"},
	"tests/workload":         {"pool", "pool/api", "charm", "charm/machine"},
	"tests/charms/...":       {"pool", "pool/...", "charm/lease", "charm/hooktool"},
	"tests/...":              {"pool", "pool/..."},
}

// reasons says why an edge that somebody may want to add must not be there.
var reasons = map[string]string{
	"pool":        "the domain knows no technology; declare a port in it and implement that beside it",
	"pool/server": "the server works on the manager, whatever runs and remembers below",
	"pool/client": "a client must link neither LXD nor a database",
	"charm/lease": "it is linked into other people's charms",
}

type goPackage struct {
	ImportPath, Name string
	Standard         bool
	Imports, Deps    []string
}

func TestPackagesImportOnlyWhatTheHouseAllows(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := lookUp(path)
		for _, imported := range p.Imports {
			rest, ours := strings.CutPrefix(imported, module)
			if ours && (!known || !anyMatches(allowed, rest)) {
				t.Errorf("%s imports %s: %s", path, rest, because(path))
			}
			if path == "pool" && !ours && strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				t.Errorf("pool imports %s: it uses the standard library only", imported)
			}
		}
	}
}

// Only the packages named for it meet LXD's client, the database or cobra.
func TestOnlyOnePackageMeetsEachTechnology(t *testing.T) {
	owners := map[string][]string{
		"github.com/canonical/lxd":            {"pool/lxdbackend"},
		"go.etcd.io/bbolt":                    {"pool/boltstore"},
		"github.com/prometheus/client_golang": {"pool/server"},
		"github.com/spf13/cobra":              {"cmd/lxd-pool"},
		"github.com/coreos/go-systemd":        {"cmd/lxd-poold"},
		"github.com/jedib0t/go-pretty":        {"cmd/lxd-pool"},
		"github.com/juju/juju":                nil,
		"github.com/canonical/pebble":         {"charm/pebble"},
		"gopkg.in/yaml.v3":                    nil, // go.yaml.in/yaml is its successor
		"github.com/gorilla/websocket":        nil, // one library for websockets is enough
		"github.com/coder/websocket":          {"pool/server", "pool/client", "pool/api", "pool/lxdbackend"},
	}
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for technology, owners := range owners {
				if strings.HasPrefix(imported, technology) && !anyMatches(owners, path) {
					t.Errorf("%s imports %s, which is for %v", path, imported, owners)
				}
			}
		}
	}
}

// Pebble's client is under the GPL-3.0, and so is every program that links it.
func TestOnlyTheKubernetesCharmLinksPebble(t *testing.T) {
	const may = "cmd/lxd-pool-k8s-charm"
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		links := slices.ContainsFunc(p.Deps, func(dep string) bool { return strings.HasPrefix(dep, "github.com/canonical/pebble/") })
		if p.Name == "main" && links != (path == may) {
			t.Errorf("%s links Pebble's client: %v", path, links)
		}
	}
}

func lookUp(path string) ([]string, bool) {
	if allowed, ok := house[path]; ok {
		return allowed, true
	}
	nearest := ""
	for pattern := range house {
		if matches(pattern, path) && len(pattern) > len(nearest) {
			nearest = pattern
		}
	}
	allowed, ok := house[nearest]
	return allowed, ok
}

func anyMatches(patterns []string, path string) bool {
	for _, p := range patterns {
		if matches(p, path) {
			return true
		}
	}
	return false
}

func matches(pattern, path string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(path, root+"/")
	}
	return pattern == path
}

func because(path string) string {
	if r := reasons[path]; r != "" {
		return r
	}
	return "siblings do not import each other, and nothing imports upwards; see the table in tests/house_test.go"
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Name,Standard,Imports,Deps", module+"...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("only %d packages were found", len(all))
	}
	return all
}

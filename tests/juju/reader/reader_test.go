// Package reader reads the packed charm as Juju does, and checks what Juju does
// not: it takes much that fails only when it is deployed.
package reader

import (
	"archive/zip"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/juju/charm/v12"
	"github.com/juju/names/v5"
	"gopkg.in/yaml.v3"
)

const root = "../../.."

// Which charm the tests are about, see kubernetes_test.go.
var (
	projectFile = root + "/charm/charmcraft.yaml"
	target      = "charm"
)

// out is where the charm is packed; TestMain owns it.
var out string

// packed is the path of the charm: the one that LXD_POOL_CHARM names, else one
// that is packed now, once.
var packed = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("LXD_POOL_CHARM"); path != "" && target == "charm" {
		return path, nil
	}
	build := exec.Command("make", "-s", target, "CHARM_OUT="+out)
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make %s: %w\n%s", target, err, said)
	}
	found, err := filepath.Glob(filepath.Join(out, "*.charm"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("make %s made %q: %v", target, found, err)
	}
	return found[0], nil
})

func TestMain(m *testing.M) {
	if onKubernetes() {
		projectFile, target = root+"/charm/kubernetes/charmcraft.yaml", "charm/kubernetes"
	}
	var err error
	if out, err = os.MkdirTemp("", "lxd-pool-charm-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(out)
	os.Exit(status)
}

// open opens the charm as the zip file that it is.
func open(t *testing.T) (path string, z *zip.ReadCloser) {
	t.Helper()
	path, err := packed()
	if err != nil {
		t.Fatal(err)
	}
	if z, err = zip.OpenReader(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	return path, z
}

// read opens it as Juju does.
func read(t *testing.T) *charm.CharmArchive {
	t.Helper()
	path, _ := open(t)
	ch, err := charm.ReadCharmArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

type endpoint struct {
	Interface string
	Limit     int
	Optional  *bool
	Scope     string
}

// project is what charmcraft.yaml says.
type project struct {
	Name, Summary, Description string
	Provides, Requires, Peers  map[string]endpoint
	Resources                  map[string]struct{ Type, Filename string }
	Config                     struct {
		Options map[string]struct {
			Type, Description string
			Default           any
		}
	}
	Actions map[string]map[string]any
}

func readProject(t *testing.T) project {
	t.Helper()
	text, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	var p project
	if err := yaml.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestJujuReadsTheCharm(t *testing.T) {
	ch, p := read(t), readProject(t)
	if err := charm.CheckMeta(ch); err != nil {
		t.Error(err)
	}
	meta := ch.Meta()
	if meta.Name != p.Name || meta.Summary != p.Summary || meta.Description != p.Description {
		t.Errorf("Juju reads %q, %q, %q", meta.Name, meta.Summary, meta.Description)
	}
	if !names.IsValidApplication(meta.Name) {
		t.Errorf("%q cannot be the name of an application", meta.Name)
	}
	if format := charm.MetaFormat(ch); format != charm.FormatV2 {
		t.Errorf("its format is %v, so that Juju minds no assumes", format)
	}
	if meta.Assumes == nil {
		t.Error("it runs on any Juju, also on those without secrets")
	}
	if meta.Subordinate || (len(meta.Containers) > 0) != onKubernetes() {
		t.Errorf("it is not one for %s", target)
	}
}

// Keys that Juju does not know are passed over by its reader.
func TestTheMetadataHasOnlyKeysThatSomebodyReads(t *testing.T) {
	known := []string{ // by Juju, then by Charmhub
		"name", "summary", "description", "provides", "requires", "peers", "assumes", "resources",
		"display-name", "docs", "maintainers", "issues", "source", "website",
	}
	if onKubernetes() {
		known = append(known, "containers", "storage")
	}
	_, z := open(t)
	text, err := fs.ReadFile(z, "metadata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var meta map[string]any
	if err := yaml.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	for _, key := range known {
		if meta[key] == nil {
			t.Errorf("there is no %s", key)
		}
		delete(meta, key)
	}
	if len(meta) != 0 {
		t.Errorf("nobody reads %v", meta)
	}
}

// Juju's client sends a charm only when the name of a file has "dispatch" in
// it, and the agent runs it only when it is executable.
func TestTheFileHasWhatJujuRunsAndNothingElse(t *testing.T) {
	path, z := open(t)
	var got []string
	for _, f := range z.File {
		got = append(got, f.Mode().String()+" "+f.Name)
		if f.Method != zip.Deflate {
			t.Errorf("%s is packed by method %d", f.Name, f.Method)
		}
	}
	slices.Sort(got)
	want := []string{
		"-rw-r--r-- LICENSE", "-rw-r--r-- README.md", "-rw-r--r-- actions.yaml", "-rw-r--r-- config.yaml", "-rw-r--r-- icon.svg",
		"-rw-r--r-- manifest.yaml", "-rw-r--r-- metadata.yaml", "-rw-r--r-- version", "-rwxr-xr-x dispatch",
	}
	if onKubernetes() {
		want = slices.Insert(want, 0, "-rw-r--r-- COPYING") // its licence is another one
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", path, got, want)
	}
}

func TestTheCharmIsForTheMachinesThatItNames(t *testing.T) {
	ch := read(t)
	var bases []string
	for _, b := range ch.Manifest().Bases {
		bases = append(bases, fmt.Sprintf("%s@%s-%s", b.Name, b.Channel.Track, strings.Join(b.Architectures, ",")))
	}
	path, _ := open(t)
	arch := "amd64"
	if strings.HasSuffix(path, "-arm64.charm") {
		arch = "arm64"
	}
	if want := []string{"ubuntu@24.04-" + arch}; !slices.Equal(bases, want) {
		t.Errorf("it is for %q, want %q", bases, want)
	}
	if name := filepath.Base(path); name != ch.Meta().Name+"_ubuntu@24.04-"+arch+".charm" {
		t.Errorf("the file is called %s", name)
	}

	dir := t.TempDir()
	if err := ch.ExpandTo(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "dispatch"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Fatalf("Juju unpacks dispatch as %v: %v", info, err)
	}
	program, err := elf.Open(filepath.Join(dir, "dispatch"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	if program.Machine != machines[arch] {
		t.Errorf("dispatch is for %v", program.Machine)
	}
	if needed, _ := program.ImportedLibraries(); len(needed) != 0 {
		t.Errorf("dispatch needs %q of the machine", needed)
	}
}

func TestTheEndpointsAreThoseOfTheProjectFile(t *testing.T) {
	meta, p := read(t).Meta(), readProject(t)
	for _, role := range []struct {
		name string
		got  map[string]charm.Relation
		want map[string]endpoint
	}{
		{"provides", meta.Provides, p.Provides},
		{"requires", meta.Requires, p.Requires},
		{"peers", meta.Peers, p.Peers},
	} {
		if len(role.got) != len(role.want) || len(role.got) == 0 {
			t.Errorf("%s: %d endpoints, want %d", role.name, len(role.got), len(role.want))
		}
		for name, want := range role.want {
			if want.Optional == nil {
				t.Errorf("charmcraft.yaml does not say whether %s is optional", name)
				continue
			}
			got := role.got[name]
			if got.Interface != want.Interface || got.Limit != want.Limit || got.Optional != *want.Optional || got.Scope != charm.ScopeGlobal {
				t.Errorf("%s: Juju reads %+v, want %+v", name, got, want)
			}
			checkName(t, "endpoint", name)
		}
	}
}

func TestTheResourcesAreThoseOfTheProjectFile(t *testing.T) {
	meta, p := read(t).Meta(), readProject(t)
	if len(meta.Resources) != len(p.Resources) || len(p.Resources) == 0 {
		t.Errorf("%d resources, want %d", len(meta.Resources), len(p.Resources))
	}
	for name, want := range p.Resources {
		got := meta.Resources[name]
		if got.Type.String() != want.Type || got.Path != want.Filename || got.Description == "" {
			t.Errorf("%s: Juju reads %+v, want %+v", name, got, want)
		}
		checkName(t, "resource", name)
	}
}

func TestTheOptionsAndTheirDefaultsAreThoseOfTheProjectFile(t *testing.T) {
	got, want := read(t).Config().Options, readProject(t).Config.Options
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d options, want %d", len(got), len(want))
	}
	for name, w := range want {
		g := got[name]
		if g.Type != w.Type || g.Description != w.Description || !sameDefault(g.Default, w.Default) {
			t.Errorf("%s: Juju reads %+v, want %+v", name, g, w)
		}
		checkName(t, "option", name)
	}
}

// sameDefault compares what Juju has read, where an empty text is no default,
// with what the file has.
func sameDefault(got, want any) bool {
	switch w := want.(type) {
	case int:
		want = int64(w)
	case string:
		if w == "" {
			return got == nil || got == ""
		}
	}
	return reflect.DeepEqual(got, want)
}

func TestTheActionsAreThoseOfTheProjectFileAndTakeNothingElse(t *testing.T) {
	got, want := read(t).Actions().ActionSpecs, readProject(t).Actions
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d actions, want %d", len(got), len(want))
	}
	for name, w := range want {
		g := got[name]
		if g.Description != w["description"] || g.Params["additionalProperties"] != false {
			t.Errorf("%s: Juju reads %+v, want %+v", name, g, w)
		}
		checkName(t, "action", name)
		params, _ := g.Params["properties"].(map[string]any)
		for param := range params {
			checkName(t, "parameter of "+name, param)
		}
	}
}

// Juju's controller checks the parameters of an action before the unit sees it.
func TestJujuRefusesActionsThatMakeNoSense(t *testing.T) {
	actions := read(t).Actions().ActionSpecs
	for _, test := range []struct {
		action string
		params map[string]any
		good   bool
	}{
		{"list-leases", nil, true},
		{"list-leases", map[string]any{"colour": "red"}, false},
		{"get-status", nil, true},
		{"revoke", nil, false},
		{"revoke", map[string]any{"lease": "ci.k3v9q0z5tm"}, true},
		{"revoke", map[string]any{"holder": "juju:web/0", "reason": "the host is going down"}, true},
		{"revoke", map[string]any{"relation": "lease:3"}, true},
		{"revoke", map[string]any{"relation": "3"}, true},
		{"revoke", map[string]any{"relation": "all"}, false},
		{"revoke", map[string]any{"lease": "ci.k3v9q0z5tm", "relation": "lease:3"}, false},
		{"revoke", map[string]any{"lease": ""}, false},
		{"reset-pool", nil, true},
		{"reset-pool", map[string]any{"pool": ""}, false},
		{"refill", map[string]any{"pool": "big"}, true},
		{"create-token", nil, false},
		{"create-token", map[string]any{"name": "runner"}, true},
		{"create-token", map[string]any{"name": "runner", "role": "viewer", "pools": "ci,big", "max-leases": 3, "expires": "30d"}, true},
		{"create-token", map[string]any{"name": "runner", "role": "root"}, false},
		{"create-token", map[string]any{"name": "runner", "max-leases": -1}, false},
		{"create-token", map[string]any{"name": "Run ner"}, false},
	} {
		spec, ok := actions[test.action]
		if !ok {
			t.Errorf("there is no action %s", test.action)
			continue
		}
		if err := spec.ValidateParams(test.params); (err == nil) != test.good {
			t.Errorf("%s %v: %v", test.action, test.params, err)
		}
	}
}

// What an action is not told has its default when the unit sees it.
func TestJujuFillsInTheDefaultsOfActions(t *testing.T) {
	actions := read(t).Actions().ActionSpecs
	for name, want := range map[string]map[string]any{
		"revoke":       {"reason": "taken back by an operator"},
		"reset-pool":   {"pool": "default"},
		"refill":       {"pool": "default"},
		"create-token": {"role": "consumer", "pools": "", "max-leases": 0, "expires": ""},
	} {
		spec := actions[name]
		if got, err := spec.InsertDefaults(nil); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s gets %v, %v, want %v", name, got, err, want)
		}
	}
}

var kebab = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func checkName(t *testing.T, what, name string) {
	t.Helper()
	if !kebab.MatchString(name) {
		t.Errorf("%s %q is not named like-this", what, name)
	}
}

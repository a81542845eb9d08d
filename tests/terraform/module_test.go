// Package terraform reads the Terraform module of the charm as Terraform does,
// and compares it with the charm.
package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"
)

const charm = "../../charm/"

// module is every block of the module, by the file that has it.
type module map[string]hclsyntax.Blocks

func read(t *testing.T) module {
	t.Helper()
	paths, err := filepath.Glob(charm + "terraform/*.tf")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no module: %v", err)
	}
	m, parser := module{}, hclparse.NewParser()
	for _, path := range paths {
		file, diags := parser.ParseHCLFile(path)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		m[filepath.Base(path)] = file.Body.(*hclsyntax.Body).Blocks
	}
	return m
}

// named is the blocks of a type, by their last label.
func (m module) named(kind string) map[string]*hclsyntax.Body {
	found := map[string]*hclsyntax.Body{}
	for _, blocks := range m {
		for _, b := range blocks {
			if b.Type == kind {
				found[b.Labels[len(b.Labels)-1]] = b.Body
			}
		}
	}
	return found
}

// references is everything that a body refers to, such as "var.units".
func references(body *hclsyntax.Body) []string {
	var all []string
	for _, a := range body.Attributes {
		for _, v := range a.Expr.Variables() {
			var words []string
			for _, step := range v {
				switch s := step.(type) {
				case hcl.TraverseRoot:
					words = append(words, s.Name)
				case hcl.TraverseAttr:
					words = append(words, s.Name)
				}
			}
			all = append(all, strings.Join(words, "."))
		}
	}
	for _, b := range body.Blocks {
		all = append(all, references(b.Body)...)
	}
	return all
}

func TestVariablesAreDeclaredInOrderAndUsed(t *testing.T) {
	m := read(t)
	declared, used := m.named("variable"), map[string]bool{}
	for _, kind := range []string{"resource", "output"} {
		for _, body := range m.named(kind) {
			for _, name := range references(body) {
				if variable, ok := strings.CutPrefix(name, "var."); ok {
					used[variable] = true
				}
			}
		}
	}
	var order []string
	for _, b := range m["variables.tf"] {
		order = append(order, b.Labels[0])
	}
	if len(order) != len(declared) || !slices.IsSorted(order) {
		t.Errorf("not all variables are in variables.tf, in order: %q", order)
	}
	for name := range used {
		if declared[name] == nil {
			t.Errorf("variable %s is used, but not declared", name)
		}
	}
	for name, body := range declared {
		if !used[name] {
			t.Errorf("variable %s is declared, but not used", name)
		}
		if body.Attributes["type"] == nil || body.Attributes["description"] == nil {
			t.Errorf("variable %s has no type or description", name)
		}
		for _, ref := range references(body) {
			if strings.HasPrefix(ref, "var.") && ref != "var."+name {
				t.Errorf("variable %s is checked by %s", name, ref)
			}
		}
	}
}

// text is what an attribute says, when it needs nothing else to be known.
func text(t *testing.T, body *hclsyntax.Body, name string) string {
	t.Helper()
	a := body.Attributes[name]
	if a == nil {
		t.Fatalf("there is no %s", name)
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return v.AsString()
}

type project struct {
	Name               string
	Platforms          map[string]any
	Provides, Requires map[string]any
}

func readProject(t *testing.T) project {
	t.Helper()
	source, err := os.ReadFile(charm + "charmcraft.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var p project
	if err := yaml.Unmarshal(source, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheModuleDeploysThisCharm(t *testing.T) {
	m, p := read(t), readProject(t)
	app := m.named("resource")["lxd_pool"]
	if app == nil {
		t.Fatal("there is no application")
	}
	i := slices.IndexFunc(app.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "charm" })
	if i < 0 {
		t.Fatal("the application has no charm")
	}
	if name := text(t, app.Blocks[i].Body, "name"); name != p.Name {
		t.Errorf("it deploys %s, not %s", name, p.Name)
	}
	base := text(t, m.named("variable")["base"], "default")
	for platform := range p.Platforms {
		if !strings.HasPrefix(platform, base+":") {
			t.Errorf("it deploys to %s, but there is a platform %s", base, platform)
		}
	}
}

func TestTheOutputsNameTheEndpointsOfTheCharm(t *testing.T) {
	outputs, p := read(t).named("output"), readProject(t)
	for name, endpoints := range map[string]map[string]any{"provides": p.Provides, "requires": p.Requires} {
		output := outputs[name]
		if output == nil {
			t.Errorf("there is no output %s", name)
			continue
		}
		value, diags := output.Attributes["value"].Expr.Value(nil)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		got := value.AsValueMap()
		for key, endpoint := range got {
			if _, ok := endpoints[endpoint.AsString()]; !ok || key != strings.ReplaceAll(endpoint.AsString(), "-", "_") {
				t.Errorf("%s: the charm has no endpoint %s, or it is not called %s", name, endpoint.AsString(), key)
			}
		}
		if len(got) != len(endpoints) {
			t.Errorf("%s: %d endpoints, the charm has %d", name, len(got), len(endpoints))
		}
	}
	for name, output := range outputs {
		if output.Attributes["description"] == nil {
			t.Errorf("output %s has no description", name)
		}
		for _, ref := range references(output) {
			if !strings.HasPrefix(ref, "juju_application.lxd_pool") {
				t.Errorf("output %s refers to %s", name, ref)
			}
		}
	}
}

var row = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

func TestThePageOfTheModuleHasEveryInputAndOutput(t *testing.T) {
	page, err := os.ReadFile(charm + "terraform/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, found := range row.FindAllStringSubmatch(string(page), -1) {
		got = append(got, found[1])
	}
	m := read(t)
	for _, file := range []string{"variables.tf", "outputs.tf"} {
		for _, b := range m[file] {
			want = append(want, b.Labels[0])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
}

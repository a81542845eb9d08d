package charm_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/tests/schemas"
)

const projectFile = "charmcraft.yaml"

type endpoints map[string]struct {
	Interface, Description string
	Optional               *bool
}

type project struct {
	Provides, Requires, Peers endpoints
	Config                    struct {
		Options map[string]struct {
			Type, Description string
			Default           any
		}
	}
	Actions map[string]struct {
		Description          string
		AdditionalProperties *bool `yaml:"additionalProperties"`
		Required             []string
		Params               map[string]struct {
			Type, Description string
		}
	}
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

// The schema is charmcraft's own, and no part of this tree.
func TestTheProjectFileIsOneThatCharmcraftTakes(t *testing.T) {
	schemas.Check(t, "charmcraft.json", projectFile)
}

func TestEveryKeyOfASpecIsAnOptionOfItsType(t *testing.T) {
	options := readProject(t).Config.Options
	for _, key := range pool.SpecKeys {
		option, ok := options[key.Name]
		if !ok {
			t.Errorf("there is no option %s", key.Name)
			continue
		}
		want := "string"
		if key.Value == "N" {
			want = "int"
		}
		if option.Type != want {
			t.Errorf("option %s is of type %s, want %s", key.Name, option.Type, want)
		}
	}
	for _, name := range []string{"config", "devices"} {
		if options[name].Type != "string" {
			t.Errorf("there is no option %s for what is LXD's own", name)
		}
	}
}

// What is deployed without any config has to work.
func TestTheDefaultsMakeAPool(t *testing.T) {
	var spec pool.Spec
	for name, option := range readProject(t).Config.Options {
		known := slices.ContainsFunc(pool.SpecKeys, func(k pool.SpecKey) bool { return k.Name == name })
		if !known || option.Default == nil {
			continue
		}
		text, err := yaml.Marshal(option.Default)
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Set(name, string(text[:len(text)-1])); err != nil {
			t.Errorf("option %s: %v", name, err)
		}
	}
	if spec.Image == "" || spec.Size == 0 {
		t.Errorf("the pool has image %q and size %d", spec.Image, spec.Size)
	}
	spec = spec.WithDefaults()
	if err := spec.Validate(); err != nil {
		t.Error(err)
	}
}

var kebab = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func TestEverythingThatAnOperatorSetsIsNamedAndExplained(t *testing.T) {
	p := readProject(t)
	for name, option := range p.Config.Options {
		if !kebab.MatchString(name) || len(option.Description) < 20 {
			t.Errorf("option %s has no good name, or is not explained", name)
		}
	}
	for name, action := range p.Actions {
		if !kebab.MatchString(name) || len(action.Description) < 20 {
			t.Errorf("action %s has no good name, or is not explained", name)
		}
		if action.AdditionalProperties == nil || *action.AdditionalProperties {
			t.Errorf("action %s takes parameters that it does not know", name)
		}
		for param, schema := range action.Params {
			if !kebab.MatchString(param) || len(schema.Description) < 15 || schema.Type == "" {
				t.Errorf("parameter %s of action %s has no good name or type, or is not explained", param, name)
			}
		}
	}
}

func TestEveryEndpointSaysWhetherItIsNeeded(t *testing.T) {
	p := readProject(t)
	n := 0
	for _, role := range []endpoints{p.Provides, p.Requires, p.Peers} {
		for name, endpoint := range role {
			n++
			if endpoint.Optional == nil || endpoint.Interface == "" || endpoint.Description == "" {
				t.Errorf("endpoint %s is %+v", name, endpoint)
			}
		}
	}
	if n != 4 {
		t.Errorf("there are %d endpoints", n)
	}
}

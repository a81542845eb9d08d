// Package spread runs the tasks of spread.yaml without spread, and tries how
// spread leases its machines from lxd-pool.
package spread

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// project is what spread.yaml holds, in as far as ours uses it. A field that
// spread does not know is an error here, where spread would pass over it.
type project struct {
	Project, Path string
	KillTimeout   string `yaml:"kill-timeout"`
	Exclude       []string
	Environment   variables
	Backends      map[string]*backend
	Suites        map[string]*suite
}

type backend struct {
	Type, Allocate, Discard string
	Manual                  bool
	Systems                 []yaml.Node
	Environment             variables
}

type suite struct {
	Summary, Prepare, Restore string
	Backends                  []string
	Environment               variables

	name  string
	tasks []*task
}

type task struct {
	Summary, Details, Prepare, Execute, Restore, Debug string

	name, dir string
}

// variables are set in the order of the file, since one may use those before it.
type variables []string

func (v *variables) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return errors.New("an environment is a map of texts")
	}
	for i := 0; i < len(node.Content); i += 2 {
		*v = append(*v, node.Content[i].Value+"="+node.Content[i+1].Value)
	}
	return nil
}

// root is the top of the tree.
const root = "../.."

func load(t *testing.T) *project {
	t.Helper()
	p := new(project)
	read(t, filepath.Join(root, "spread.yaml"), p)
	for name, s := range p.Suites {
		s.name = name
		files, err := filepath.Glob(filepath.Join(root, name, "*", "task.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("suite %s has no tasks", name)
		}
		for _, file := range files {
			dir := filepath.Base(filepath.Dir(file))
			one := &task{name: name + dir, dir: name + dir}
			read(t, file, one)
			s.tasks = append(s.tasks, one)
		}
	}
	return p
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// These are the rules that spread has for names.
var (
	plainName  = regexp.MustCompile(`^[a-z0-9]+(?:[-._][a-z0-9]+)*$`)
	systemName = regexp.MustCompile(`^[a-z]+-[a-z0-9]+(?:[-.][a-z0-9]+)*$`)
)

func TestSpreadFindsNothingWrongWithTheProject(t *testing.T) {
	p := load(t)
	if !plainName.MatchString(p.Project) || !filepath.IsAbs(p.Path) {
		t.Errorf("project %q at %q", p.Project, p.Path)
	}
	for name, b := range p.Backends {
		kind := b.Type
		if kind == "" {
			kind = name
		}
		if kind != "lxd" && kind != "adhoc" || (kind == "adhoc") != (b.Allocate != "") {
			t.Errorf("backend %s of type %q, which allocates with %q", name, kind, b.Allocate)
		}
		if len(b.Systems) == 0 {
			t.Errorf("backend %s has no systems", name)
		}
		for _, node := range b.Systems {
			if node.Kind == yaml.MappingNode {
				node = *node.Content[0]
			}
			if !systemName.MatchString(node.Value) {
				t.Errorf("backend %s has a system %q", name, node.Value)
			}
		}
	}
	for name, s := range p.Suites {
		if !strings.HasSuffix(name, "/") || s.Summary == "" {
			t.Errorf("suite %s: %q", name, s.Summary)
		}
		for _, b := range s.Backends {
			if p.Backends[b] == nil {
				t.Errorf("suite %s is for a backend %s that is not there", name, b)
			}
		}
		for _, one := range s.tasks {
			if !plainName.MatchString(filepath.Base(one.dir)) {
				t.Errorf("task %s has a name that spread refuses", one.name)
			}
		}
	}
}

// sentence begins with a capital, ends with the one full stop that it has, and
// is on one line.
var sentence = regexp.MustCompile(`^[A-Z][^.\n]+\.$`)

func TestEveryTaskIsASentenceOfTheManual(t *testing.T) {
	var seen []string
	for _, s := range load(t).Suites {
		for _, one := range s.tasks {
			if !sentence.MatchString(one.Summary) || slices.Contains(seen, one.Summary) {
				t.Errorf("%s: %q", one.name, one.Summary)
			}
			seen = append(seen, one.Summary)
			if strings.TrimSpace(one.Execute) == "" {
				t.Errorf("%s does nothing", one.name)
			}
		}
	}
}

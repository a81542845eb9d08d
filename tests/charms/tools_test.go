package charms

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// world is what a unit of a charm sees of its model. It is in a file between the
// hook tools, which this test program is when it is called by their names. Juju's
// real ones are used in tests/juju; these are enough for what a charm does with
// what they say.
type world struct {
	Config map[string]any
	// Relations are those of the endpoint, such as "pool:1".
	Relations map[string]*relation
	Secrets   map[string]map[string]string
	Params    map[string]any

	Status, Message string
	Results         map[string]string
	Failure         string
	Log             []string
	// Calls are the arguments of every tool that was called.
	Calls [][]string
}

type relation struct {
	// Bags are those of the units at the other end, Own is this unit's.
	Bags map[string]map[string]string
	Own  map[string]string
}

const worldVariable = "HOOK_TOOLS_WORLD"

func TestMain(m *testing.M) {
	if tool := tools[filepath.Base(os.Args[0])]; tool != nil {
		os.Exit(asTool(tool, os.Args[1:]))
	}
	os.Exit(runTests(m))
}

// work is where programs are that the tests build.
var work string

func runTests(m *testing.M) int {
	var err error
	if work, err = os.MkdirTemp("", "charms-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(work)
	return m.Run()
}

func asTool(tool func(w *world, args arguments) (any, error), args []string) int {
	w, err := readWorld(os.Getenv(worldVariable))
	var said any
	if err == nil {
		w.Calls = append(w.Calls, append([]string{filepath.Base(os.Args[0])}, args...))
		said, err = tool(w, parseArguments(args))
	}
	if err == nil {
		err = w.write(os.Getenv(worldVariable))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR", err)
		return 1
	}
	if said != nil {
		json.NewEncoder(os.Stdout).Encode(said)
	}
	return 0
}

func readWorld(path string) (*world, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var w world
	return &w, json.Unmarshal(text, &w)
}

func (w *world) write(path string) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// arguments are those of a tool.
type arguments struct {
	relation string // -r
	rest     []string
}

func parseArguments(args []string) (a arguments) {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-r":
			i++
			a.relation = args[i]
		case arg == "-l" || arg == "--file":
			i++
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			a.rest = append(a.rest, arg)
		}
	}
	return a
}

func (w *world) relation(id string) (*relation, error) {
	if r := w.Relations[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("invalid value %q for option -r: relation not found", id)
}

var tools = map[string]func(w *world, a arguments) (any, error){
	"config-get":   func(w *world, _ arguments) (any, error) { return w.Config, nil },
	"action-get":   func(w *world, _ arguments) (any, error) { return w.Params, nil },
	"relation-ids": func(w *world, _ arguments) (any, error) { return slices.Sorted(maps.Keys(w.Relations)), nil },
	"relation-list": func(w *world, a arguments) (any, error) {
		r, err := w.relation(a.relation)
		if err != nil {
			return nil, err
		}
		return slices.Sorted(maps.Keys(r.Bags)), nil
	},
	"relation-get": func(w *world, a arguments) (any, error) {
		r, err := w.relation(a.relation)
		if err != nil {
			return nil, err
		}
		if bag, ok := r.Bags[a.rest[len(a.rest)-1]]; ok {
			return bag, nil
		}
		return r.Own, nil
	},
	"relation-set": func(w *world, a arguments) (any, error) {
		r, err := w.relation(a.relation)
		if err != nil {
			return nil, err
		}
		var values map[string]string
		if err := json.NewDecoder(os.Stdin).Decode(&values); err != nil {
			return nil, err
		}
		if r.Own == nil {
			r.Own = map[string]string{}
		}
		maps.Copy(r.Own, values)
		maps.DeleteFunc(r.Own, func(_, v string) bool { return v == "" })
		return nil, nil
	},
	"secret-get": func(w *world, a arguments) (any, error) {
		if s := w.Secrets[a.rest[0]]; s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("secret %q not found or permission denied", a.rest[0])
	},
	"status-set": func(w *world, a arguments) (any, error) {
		w.Status, w.Message = a.rest[0], a.rest[1]
		return nil, nil
	},
	"action-set": func(w *world, a arguments) (any, error) {
		if w.Results == nil {
			w.Results = map[string]string{}
		}
		for _, arg := range a.rest {
			key, value, _ := strings.Cut(arg, "=")
			w.Results[key] = value
		}
		return nil, nil
	},
	"action-fail": func(w *world, a arguments) (any, error) {
		w.Failure = a.rest[0]
		return nil, nil
	},
	"juju-log": func(w *world, a arguments) (any, error) {
		w.Log = append(w.Log, strings.Join(a.rest, " "))
		return nil, nil
	},
}

// linkTools makes a directory that has every tool.
func linkTools(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name := range tools {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const projectFile = "../../snap/snapcraft.yaml"

func read(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Whatever snapd is to know is packed as the project file has it, and nothing else is.
func TestWhatIsPackedIsWhatTheProjectFileSays(t *testing.T) {
	text, err := metadata(read(t), "arm64", "1.2")
	if err != nil {
		t.Fatal(err)
	}
	project, packed := decode(t, read(t)), decode(t, text)
	for _, key := range []string{"name", "title", "summary", "description", "license", "base", "grade", "confinement", "assumes", "environment", "apps", "hooks", "slots"} {
		if project[key] == nil || !reflect.DeepEqual(project[key], packed[key]) {
			t.Errorf("%s is packed as %v, not as %v", key, packed[key], project[key])
		}
		delete(packed, key)
	}
	if want := map[string]any{"version": "1.2", "architectures": []any{"arm64"}}; !reflect.DeepEqual(packed, want) {
		t.Errorf("beside these there is %v, want %v", packed, want)
	}
}

func TestATreeThatIsNotWhatThePartPrimesIsRefused(t *testing.T) {
	source := []byte("parts: {a: {prime: [bin/one, share/*]}}")
	for _, test := range []struct {
		files []string
		want  string
	}{
		{[]string{"bin/one", "share/x"}, ""},
		{[]string{"bin/one", "share/x", "bin/two"}, "bin/two is in the tree, but nothing primes it"},
		{[]string{"bin/one"}, "share/* is primed, but not in the tree"},
	} {
		tree := t.TempDir()
		for _, name := range test.files {
			path := filepath.Join(tree, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		err := checkPrimed(source, tree)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.files, err, test.want)
		}
	}
}

// Commands of apps that are not packed would only be found when they are run.
func TestEveryProgramOfAnAppIsPacked(t *testing.T) {
	var project struct {
		Apps  map[string]struct{ Command, Completer string }
		Parts map[string]struct{ Prime []string }
	}
	if err := yaml.Unmarshal(read(t), &project); err != nil {
		t.Fatal(err)
	}
	primed := "\n" + strings.Join(project.Parts["lxd-pool"].Prime, "\n") + "\n"
	for name, app := range project.Apps {
		for _, path := range []string{app.Command, app.Completer} {
			if path != "" && !strings.Contains(primed, "\n"+path+"\n") {
				t.Errorf("%s of app %s is not packed", path, name)
			}
		}
	}
}

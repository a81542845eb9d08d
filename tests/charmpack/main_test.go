package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const projectFile = "../../charm/charmcraft.yaml"

// treeOf makes a tree of files that hold their names; dispatch can be run.
func treeOf(t *testing.T, names ...string) string {
	t.Helper()
	tree := t.TempDir()
	for _, name := range names {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if name == "dispatch" {
			mode = 0o700
		}
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

var primed = []string{"dispatch", "version", "icon.svg", "LICENSE", "README.md"}

func packed(t *testing.T, path string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Mode().String()+" "+f.Name] = string(text)
	}
	return files
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Whatever Juju is to know is packed as the project file has it, and nothing else is.
func TestWhatIsPackedIsWhatTheProjectFileSays(t *testing.T) {
	path, err := run(projectFile, treeOf(t, primed...), "arm64", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if name := filepath.Base(path); name != "lxd-pool_ubuntu@24.04-arm64.charm" {
		t.Errorf("the charm is called %s", name)
	}
	files := packed(t, path)
	for name, want := range map[string]string{
		"-rwxr-xr-x dispatch": "dispatch", "-rw-r--r-- version": "version", "-rw-r--r-- icon.svg": "icon.svg",
		"-rw-r--r-- LICENSE": "LICENSE", "-rw-r--r-- README.md": "README.md",
	} {
		if files[name] != want {
			t.Errorf("%s has %q", name, files[name])
		}
		delete(files, name)
	}
	text, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	project := decode(t, string(text))
	links := project["links"].(map[string]any)
	want := map[string]any{
		"display-name": project["title"], "docs": links["documentation"], "maintainers": []any{links["contact"]},
		"issues": links["issues"], "source": links["source"], "website": links["website"],
	}
	for _, key := range []string{"name", "summary", "description", "assumes", "provides", "requires", "peers", "resources"} {
		want[key] = project[key]
	}
	for _, test := range []struct {
		file string
		want any
	}{
		{"metadata.yaml", want},
		{"config.yaml", project["config"]},
		{"actions.yaml", project["actions"]},
		{"manifest.yaml", map[string]any{"bases": []any{map[string]any{
			"name": "ubuntu", "channel": "24.04", "architectures": []any{"arm64"},
		}}}},
	} {
		name := "-rw-r--r-- " + test.file
		if got := decode(t, files[name]); !reflect.DeepEqual(any(got), test.want) {
			t.Errorf("%s has %v, want %v", test.file, got, test.want)
		}
		delete(files, name)
	}
	if len(files) != 0 {
		t.Errorf("beside these there is %v", files)
	}
}

func TestTheSameTreeGivesTheSameFile(t *testing.T) {
	var first []byte
	for i := range 2 {
		tree := treeOf(t, primed...)
		old := time.Unix(int64(1e9+i*1e6), 0)
		if err := os.Chtimes(filepath.Join(tree, "dispatch"), old, old); err != nil {
			t.Fatal(err)
		}
		path, err := run(projectFile, tree, "amd64", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		charm, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = charm
		} else if !bytes.Equal(first, charm) {
			t.Error("they differ")
		}
	}
}

// One base for all platforms is what a charm for Kubernetes has.
func TestAPlatformIsFoundByItsArchitecture(t *testing.T) {
	for _, test := range []struct{ platforms, arch, file, err string }{
		{"{ubuntu@24.04:amd64: , ubuntu@24.04:arm64: }", "arm64", "x_ubuntu@24.04-arm64.charm", ""},
		{"{amd64: , arm64: }\nbase: ubuntu@24.04", "arm64", "x_arm64.charm", ""},
		{"{mine: {build-on: [amd64], build-for: [arm64]}}\nbase: ubuntu@24.04", "arm64", "x_mine.charm", ""},
		{"{amd64: }\nbase: ubuntu@24.04", "arm64", "", "it has no platform for arm64"},
		{"{arm64: }", "arm64", "", "platform arm64 has no base"},
	} {
		p, err := readProject([]byte("name: x\nplatforms: " + test.platforms))
		if err != nil {
			t.Fatal(err)
		}
		base, err := p.platform(test.arch)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, want %q", test.platforms, err, test.err)
		}
		if err == nil && base.file(p.Name) != test.file {
			t.Errorf("%s: %s, want %s", test.platforms, base.file(p.Name), test.file)
		}
	}
}

func TestATreeOrProjectThatCharmcraftWouldNotPackIsRefused(t *testing.T) {
	const head = "name: x\nbase: ubuntu@24.04\nplatforms: {amd64: }\nparts: {a: {prime: [dispatch, version]}}\n"
	for _, test := range []struct{ project, files, want string }{
		{head, "dispatch version", ""},
		{head, "dispatch version src/charm.py", "src/charm.py is in the tree, but nothing primes it"},
		{head, "dispatch", "version is primed, but not in the tree"},
		{head + "colour: red", "dispatch version", `cannot pack key "colour"`},
		{head + "links: {colour: red}", "dispatch version", `cannot pack link "colour"`},
		{"[]", "dispatch version", "it has no keys"},
		{"platforms: {amd64: }", "dispatch version", "it has no name"},
		{strings.Replace(head, "version", "config.yaml", 1) + "config: {options: {}}", "dispatch config.yaml", "config.yaml is in the tree, but is made from"},
	} {
		source := filepath.Join(t.TempDir(), "charmcraft.yaml")
		if err := os.WriteFile(source, []byte(test.project), 0o644); err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		_, err := run(source, treeOf(t, strings.Fields(test.files)...), "amd64", out)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q with %s: %v, want %q", test.project, test.files, err, test.want)
		}
		if there, _ := os.ReadDir(out); err != nil && len(there) != 0 {
			t.Errorf("%q with %s leaves %v", test.project, test.files, there)
		}
	}
}

func TestALinkInTheTreeIsRefused(t *testing.T) {
	tree := treeOf(t, primed[1:]...)
	if err := os.Symlink("version", filepath.Join(tree, "dispatch")); err != nil {
		t.Fatal(err)
	}
	if _, err := run(projectFile, tree, "amd64", t.TempDir()); err == nil || !strings.Contains(err.Error(), "dispatch is not a regular file") {
		t.Error(err)
	}
}

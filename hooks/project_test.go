package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const projectFile = "../snap/snapcraft.yaml"

type project struct {
	Hooks map[string]any
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

// schemas is where upstream's schemas are: beside the tree, or beside the tree
// on this machine that this one is a clone of.
func schemas() string {
	if dir := os.Getenv("LXD_POOL_SCHEMAS"); dir != "" {
		return dir
	}
	const beside = "../shared/schemas"
	origin, _ := exec.Command("git", "config", "--get", "remote.origin.url").Output()
	for _, tree := range []string{"..", strings.TrimSpace(string(origin))} {
		dir := filepath.Join(tree, beside)
		if _, err := os.Stat(dir); err == nil && tree != "" {
			return dir
		}
	}
	return filepath.Join("..", beside)
}

// The schema is snapcraft's own, and no part of this tree.
func TestTheProjectFileIsOneThatSnapcraftTakes(t *testing.T) {
	path := filepath.Join(schemas(), "snapcraft.json")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no schema to check by: %v; name its directory in LXD_POOL_SCHEMAS", err)
		}
		t.Skipf("NOT CHECKED: %v; name the directory of snapcraft.json in LXD_POOL_SCHEMAS", err)
	}
	schema, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	value.(map[string]any)["colour"] = "red"
	if err := schema.Validate(value); err == nil {
		t.Error("the schema takes a key that there is not, so this tests nothing")
	}
}

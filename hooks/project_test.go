package main

import (
	"os"
	"path/filepath"
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

// The schema is snapcraft's own, and no part of this tree.
func TestTheProjectFileIsOneThatSnapcraftTakes(t *testing.T) {
	dir := os.Getenv("LXD_POOL_SCHEMAS")
	if dir == "" {
		dir = "../../shared/schemas"
	}
	path := filepath.Join(dir, "snapcraft.json")
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

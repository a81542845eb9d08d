// Package schemas finds the JSON schemas that other projects publish for the
// files that we write for their tools. They are no part of this tree.
package schemas

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Check compares a YAML file with a schema, and sees that the schema would
// have refused a key that there is not. Where the schema is missing the test is
// skipped, with CI set it fails.
func Check(t *testing.T, name, file string) {
	t.Helper()
	schema := compile(t, name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	value["colour"] = "red"
	if err := schema.Validate(value); err == nil {
		t.Error("the schema takes a key that there is not, so this tests nothing")
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	path := filepath.Join(dir(t), name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no schema to check by: %v; name its directory in LXD_POOL_SCHEMAS", err)
		}
		t.Skipf("NOT CHECKED: %v; name the directory of %s in LXD_POOL_SCHEMAS", err, name)
	}
	schema, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// dir is where the schemas are: beside the tree, or beside the tree on this
// machine that this one is a clone of.
func dir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("LXD_POOL_SCHEMAS"); dir != "" {
		return dir
	}
	const beside = "../shared/schemas"
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(strings.TrimSpace(string(module)))
	origin, _ := exec.Command("git", "config", "--get", "remote.origin.url").Output()
	for _, tree := range []string{root, strings.TrimSpace(string(origin))} {
		dir := filepath.Join(tree, beside)
		if _, err := os.Stat(dir); err == nil && tree != "" {
			return dir
		}
	}
	return filepath.Join(root, beside)
}

package main

import (
	"os"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/tests/schemas"
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
	schemas.Check(t, "snapcraft.json", projectFile)
}

package charms

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/tests/schemas"
)

var charmDirs = []string{"go-web", "python-web"}

func readYAML(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var value map[string]any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTheProjectFilesOfTheExamplesAreOnesThatCharmcraftTakes(t *testing.T) {
	for _, dir := range charmDirs {
		t.Run(dir, func(t *testing.T) { schemas.Check(t, "charmcraft.json", filepath.Join(dir, "charmcraft.yaml")) })
	}
}

// The tests run the charms as they are in the tree, unpacked.
func TestTheExamplesAreAsIfTheyWerePacked(t *testing.T) {
	for _, dir := range charmDirs {
		project := readYAML(t, filepath.Join(dir, "charmcraft.yaml"))
		packed := readYAML(t, filepath.Join(dir, "metadata.yaml"))
		for key, value := range packed {
			if key == "display-name" {
				key = "title"
			}
			if !reflect.DeepEqual(value, project[key]) {
				t.Errorf("%s: metadata.yaml has another %s", dir, key)
			}
		}
		for _, name := range []string{"config", "actions"} {
			if !reflect.DeepEqual(readYAML(t, filepath.Join(dir, name+".yaml")), project[name]) {
				t.Errorf("%s: %s.yaml differs from charmcraft.yaml", dir, name)
			}
		}
		endpoint, _ := packed["requires"].(map[string]any)["pool"].(map[string]any)
		if endpoint["interface"] != lease.Interface {
			t.Errorf("%s: the endpoint has the interface %v", dir, endpoint["interface"])
		}
	}
}

// snappack makes the metadata of a snap from its snapcraft.yaml, for a tree
// that is packed where there is no snapcraft:
//
//	snappack snap/snapcraft.yaml TREE ARCHITECTURE VERSION
//
// The tree has what the part installs and primes. Hooks move from snap/hooks,
// where snapcraft looks for them, to meta/hooks, where snapd does.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: snappack SNAPCRAFT.YAML TREE ARCHITECTURE VERSION")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(source, tree, arch, version string) error {
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	meta, err := metadata(text, arch, version)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", source, err)
	}
	if err := os.MkdirAll(filepath.Join(tree, "meta"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, "meta", "snap.yaml"), meta, 0o644); err != nil {
		return err
	}
	return moveHooks(tree)
}

// notForSnapd are the keys of a snapcraft.yaml that say how to build.
var notForSnapd = []string{"parts", "platforms", "adopt-info", "compression", "lint", "contact", "issues", "source-code", "website", "donation"}

// metadata is the snap.yaml that snapcraft would write. The order of keys and
// the values are those of the source.
func metadata(source []byte, arch, version string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it has no keys")
	}
	root := doc.Content[0]
	var kept []*yaml.Node
	for i := 0; i < len(root.Content); i += 2 {
		if !slices.Contains(notForSnapd, root.Content[i].Value) {
			kept = append(kept, root.Content[i], root.Content[i+1])
		}
	}
	added := map[string]any{"version": version, "architectures": []string{arch}}
	for _, name := range []string{"version", "architectures"} {
		var key, value yaml.Node
		key.SetString(name)
		if err := value.Encode(added[name]); err != nil {
			return nil, err
		}
		kept = append(kept, &key, &value)
	}
	root.Content = kept
	return yaml.Marshal(&doc)
}

func moveHooks(tree string) error {
	from := filepath.Join(tree, "snap")
	if err := os.Rename(filepath.Join(from, "hooks"), filepath.Join(tree, "meta", "hooks")); err != nil {
		return err
	}
	return os.Remove(from)
}

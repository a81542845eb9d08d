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
	"io/fs"
	"maps"
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
	if err := checkPrimed(text, tree); err != nil {
		return err
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

// checkPrimed compares a tree with what the parts prime: a file that nothing
// primes would be missing in what snapcraft packs, and a pattern without a file
// is one that snapcraft stumbles over.
func checkPrimed(source []byte, tree string) error {
	var project struct {
		Parts map[string]struct{ Prime []string }
	}
	if err := yaml.Unmarshal(source, &project); err != nil {
		return err
	}
	used := map[string]bool{}
	for _, part := range project.Parts {
		for _, pattern := range part.Prime {
			used[pattern] = false
		}
	}
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		known := false
		for pattern := range used {
			if ok, err := filepath.Match(pattern, name); err != nil {
				return err
			} else if ok {
				used[pattern], known = true, true
			}
		}
		if !known {
			return fmt.Errorf("%s is in the tree, but nothing primes it", name)
		}
		return nil
	})
	for _, pattern := range slices.Sorted(maps.Keys(used)) {
		if err == nil && !used[pattern] {
			err = fmt.Errorf("%s is primed, but not in the tree", pattern)
		}
	}
	return err
}

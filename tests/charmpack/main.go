// charmpack packs a charm from its charmcraft.yaml, where there is no
// charmcraft:
//
//	charmpack CHARMCRAFT.YAML TREE ARCHITECTURE OUT
//
// The tree has what the parts prime, the program "dispatch" among it. The file
// is made in the directory OUT, and its path is printed. The same tree gives
// the same file, to the byte.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: charmpack CHARMCRAFT.YAML TREE ARCHITECTURE OUT")
		os.Exit(2)
	}
	path, err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// run returns the path of the charm. After a failure there is no new file, and
// one of an earlier run is as it was.
func run(source, tree, arch, out string) (string, error) {
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	p, err := readProject(text)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", source, err)
	}
	base, err := p.platform(arch)
	if err != nil {
		return "", fmt.Errorf("cannot pack %s: %w", source, err)
	}
	if err := p.checkPrimed(tree); err != nil {
		return "", err
	}
	generated, err := p.generated(base, arch)
	if err != nil {
		return "", err
	}
	path := filepath.Join(out, base.file(p.Name))
	return path, writeCharm(path, tree, generated)
}

// project is what a charmcraft.yaml says.
type project struct {
	Name      string
	Base      string
	Platforms map[string]*struct {
		BuildFor any `yaml:"build-for"`
	}
	Parts map[string]struct{ Prime []string }
	keys  []*yaml.Node // each key and its value, in the order of the file
}

func readProject(text []byte) (*project, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it has no keys")
	}
	p := &project{keys: doc.Content[0].Content}
	if err := doc.Decode(p); err != nil {
		return nil, err
	}
	if p.Name == "" {
		return nil, fmt.Errorf("it has no name")
	}
	return p, nil
}

// checkPrimed compares a tree with what the parts prime: both packers are to
// pack the same files.
func (p *project) checkPrimed(tree string) error {
	var primed []string
	for _, part := range p.Parts {
		primed = append(primed, part.Prime...)
	}
	there, err := filesBelow(tree)
	if err != nil {
		return err
	}
	for _, name := range there {
		if !slices.Contains(primed, name) {
			return fmt.Errorf("%s is in the tree, but nothing primes it", name)
		}
	}
	for _, name := range primed {
		if !slices.Contains(there, name) {
			return fmt.Errorf("%s is primed, but not in the tree", name)
		}
	}
	return nil
}

// filesBelow is every file of a tree, sorted. What is neither a file nor a
// directory is refused: a charm cannot have it.
func filesBelow(tree string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", name)
		}
		names = append(names, filepath.ToSlash(name))
		return nil
	})
	return names, err
}

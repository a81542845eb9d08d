// Package programs builds what the tests of the charm run: our own programs
// from the tree that this module lies in, and Juju's client of the hook tools.
package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Tree is the root of our own source tree.
func Tree() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(here))))
}

// Jujuc builds Juju's client of the hook tools into dir.
func Jujuc(dir string) (string, error) {
	return build(filepath.Join(Tree(), "tests", "juju"), "github.com/juju/juju/cmd/jujuc", filepath.Join(dir, "jujuc"))
}

// Quick builds the client that starts in a moment.
func Quick(dir string) (string, error) {
	return build(filepath.Join(Tree(), "tests", "juju"), "./quick", filepath.Join(dir, "quick"))
}

// Ours builds a program of our tree, as "./cmd/lxd-poold", into dir. It is
// never built with the race detector: what runs is what is shipped.
func Ours(dir, pkg string) (string, error) {
	return build(Tree(), pkg, filepath.Join(dir, filepath.Base(pkg)))
}

func build(where, pkg, out string) (string, error) {
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = where
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

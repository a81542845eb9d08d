package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/juju/charm/v12"
)

// Charm packs a charm by a target of our Makefile, as a release does, and unpacks
// it into dir as Juju does. It returns the directory of the unpacked one.
func Charm(dir, target string) (string, error) {
	out := filepath.Join(dir, "packed")
	pack := exec.Command("make", "-s", target, "CHARM_OUT="+out)
	pack.Dir = Tree()
	if text, err := pack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot pack the charm: %w\n%s", err, text)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.charm"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("cannot find the packed charm: there is %q: %w", files, err)
	}
	packed, err := charm.ReadCharmArchive(files[0])
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, packed.Meta().Name)
	return to, packed.ExpandTo(to)
}

// GoWeb puts the example charm in Go together in dir.
func GoWeb(dir string) (string, error) {
	to := filepath.Join(dir, "go-web")
	if err := os.CopyFS(to, os.DirFS(filepath.Join(Tree(), "tests", "charms", "go-web"))); err != nil {
		return "", err
	}
	program, err := Ours(filepath.Join(dir, "lib"), "./tests/charms/go-web")
	if err != nil {
		return "", err
	}
	return to, os.Rename(program, filepath.Join(to, "dispatch"))
}

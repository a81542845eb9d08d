// Package world runs the charm of lxd-pool, as it is packed, and charms that
// lease from it, in a model of Juju: with the real daemon behind a stand-in for
// snapd on the machine of each unit.
package world

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/programs"
)

// built is what every test uses.
var built struct {
	dir   string // of the programs
	tools string // of Juju's hook tools
	quick string // of hook tools that start in a moment
	pool  string // the charm of lxd-pool, unpacked
	web   string // the example charm in Go
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "world")
	if err == nil {
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string) error {
	built.dir, built.tools = dir, filepath.Join(dir, "tools")
	client, err := programs.Jujuc(dir)
	if err != nil {
		return err
	}
	if err := model.LinkTools(built.tools, client); err != nil {
		return err
	}
	built.quick = filepath.Join(dir, "quicktools")
	if client, err = programs.Quick(dir); err == nil {
		err = model.LinkTools(built.quick, client)
	}
	if err != nil {
		return err
	}
	for _, pkg := range []string{"./cmd/lxd-poold", "./hooks"} {
		if _, err := programs.Ours(dir, pkg); err != nil {
			return err
		}
	}
	if built.pool, err = packed(dir); err != nil {
		return err
	}
	built.web, err = example(dir)
	return err
}

// packed packs the charm as a release does, and unpacks it as Juju does.
func packed(dir string) (string, error) {
	pack := exec.Command("make", "-s", "charm", "CHARM_OUT="+filepath.Join(dir, "charms"))
	pack.Dir = programs.Tree()
	if out, err := pack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot pack the charm: %w\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "charms", "*.charm"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("cannot find the packed charm: there is %q: %w", files, err)
	}
	to := filepath.Join(dir, "lxd-pool")
	return to, unzip(files[0], to)
}

func unzip(file, to string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if err := unzipOne(f, filepath.Join(to, f.Name)); err != nil {
			return err
		}
	}
	return nil
}

func unzipOne(f *zip.File, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, f.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return errors.Join(err, w.Close())
}

// example puts the example charm in Go together.
func example(dir string) (string, error) {
	to := filepath.Join(dir, "go-web")
	if err := os.CopyFS(to, os.DirFS(filepath.Join(programs.Tree(), "tests", "charms", "go-web"))); err != nil {
		return "", err
	}
	program, err := programs.Ours(filepath.Join(dir, "lib"), "./tests/charms/go-web")
	if err != nil {
		return "", err
	}
	return to, os.Rename(program, filepath.Join(to, "dispatch"))
}

// Package world runs the charm of lxd-pool, as it is packed, and charms that
// lease from it, in a model of Juju: with the real daemon behind a stand-in for
// snapd on the machine of each unit.
package world

import (
	"fmt"
	"os"
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
	if built.pool, err = programs.Charm(dir, "charm"); err != nil {
		return err
	}
	built.web, err = programs.GoWeb(dir)
	return err
}

package model_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/programs"
)

// tools is the directory of the hook tools.
var tools string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "model")
	if err == nil {
		tools = filepath.Join(dir, "tools")
		var client string
		if client, err = programs.Jujuc(dir); err == nil {
			err = model.LinkTools(tools, client)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world makes a model for a test.
func world(t *testing.T, opts model.Options) *model.Model {
	t.Helper()
	t.Parallel() // agents wait a while after each hook, as Juju's do
	opts.Tools = tools
	return model.New(t, opts)
}

// deploy makes an application whose hooks all run one script, and its units.
func deploy(t *testing.T, m *model.Model, app, script string, units int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), app+".sh")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	m.Deploy(app, "testdata/scripted", nil, func(string) []string { return []string{"SCRIPT=" + file} })
	for range units {
		m.AddUnit(app)
	}
}

func settle(t *testing.T, m *model.Model) {
	t.Helper()
	if err := m.Settle(); err != nil {
		t.Fatal(err)
	}
}

// hooks are what a unit has run, as "lease-relation-joined web/0".
func hooks(m *model.Model, unit string) []string {
	var all []string
	for _, h := range m.Hooks() {
		if h.Unit == unit {
			all = append(all, strings.TrimSpace(h.Name+" "+h.Remote))
		}
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

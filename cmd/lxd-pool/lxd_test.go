package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// lxdDir is the directory of the real LXD. Without one the test is skipped, and
// fails where the whole suite must run.
func lxdDir(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("LXD_DIR"), "/var/snap/lxd/common/lxd", "/var/lib/lxd"} {
		if dir == "" {
			continue
		}
		if conn, err := net.Dial("unix", filepath.Join(dir, "unix.socket")); err == nil {
			conn.Close()
			return dir
		}
	}
	const why = `there is no LXD here; "make test" brings one up`
	if os.Getenv("CI") != "" || os.Getenv("LXD_POOL_TEST_LXD") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// These scripts need what only real instances have.
func TestScriptsOnRealLXD(t *testing.T) {
	dir := lxdDir(t)
	p := scripts("testdata/lxd")
	setUp := p.Setup
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("LXD_DIR", dir)
		return setUp(env)
	}
	testscript.Run(t, p)
}

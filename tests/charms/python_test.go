package charms

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/lease"
)

const library = "../../charm/lib"

// need leaves a test out, loudly, where a program is missing. With CI set it fails.
func need(t *testing.T, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("there is no %s: install %s", program, pkg)
	}
	t.Skipf("NOT TESTED: there is no %s: install %s", program, pkg)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// pythonEnv has Python find the library and the stand-in for ops, and write
// nothing into the tree.
func pythonEnv(t *testing.T) []string {
	t.Helper()
	return []string{"PYTHONPATH=" + absolute(t, library) + ":" + absolute(t, "python"), "PYTHONDONTWRITEBYTECODE=1"}
}

func TestThePythonLibraryPassesItsOwnTests(t *testing.T) {
	need(t, "python3", "python3")
	cmd := exec.CommandContext(t.Context(), "python3", "-W", "error", "-m", "unittest", "-v")
	cmd.Dir, cmd.Env = "python", append(os.Environ(), pythonEnv(t)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestThePythonLibraryIsTyped(t *testing.T) {
	need(t, "mypy", "mypy")
	cmd := exec.CommandContext(t.Context(), "mypy", "--strict", "--namespace-packages", "--explicit-package-bases", "--cache-dir=/dev/null",
		library+"/charms/lxd_pool/v0/lxd_pool_lease.py", "python", "python-web/src/charm.py")
	cmd.Env = append(os.Environ(), "MYPYPATH="+library+":python")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestThePythonLibraryUsesALeaseThroughTheAPI(t *testing.T) {
	need(t, "python3", "python3")
	d := newDaemon(t)
	g := d.grant("web/0", "web", 1)[0]
	bag, err := lease.Answer{API: &d.api, Leases: []lease.Lease{g.Lease}}.Bag()
	if err != nil {
		t.Fatal(err)
	}
	given, err := json.Marshal(map[string]any{"bag": bag, "token": g.token})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-W", "error", "api_check.py")
	cmd.Dir, cmd.Env, cmd.Stdin = "python", append(os.Environ(), pythonEnv(t)...), bytes.NewReader(given)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

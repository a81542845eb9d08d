package spread

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// machine runs a script of a task: where spread would have it, in a shell that
// ends at the first failure.
type machine struct {
	// path is where the tree is on it.
	path string
	// shell returns a command that runs a script, with no input.
	shell func(script string) *exec.Cmd
}

// preamble is what spread gives every script.
const preamble = `
set -eu
MATCH() { local in; in=$(cat); printf '%s\n' "$in" | grep -q -E -e "$@" || { printf 'no match for %s in:\n%s\n' "$*" "$in" >&2; return 1; }; }
NOMATCH() { local in; in=$(cat); ! printf '%s\n' "$in" | grep -q -E -e "$@" || { printf 'match for %s in:\n%s\n' "$*" "$in" >&2; return 1; }; }
`

// run runs a script in a directory of the tree. An empty one does nothing.
func (m machine) run(t *testing.T, dir, script string, environments ...variables) bool {
	t.Helper()
	if script == "" {
		return true
	}
	cmd := m.shell(m.text(dir, script, environments...)) // not from its input, which is for the commands in it
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\n%s", dir, err, script, out)
	}
	return err == nil
}

// text is the whole of a script.
func (m machine) text(dir, script string, environments ...variables) string {
	text := preamble + "export SPREAD_PATH='" + m.path + "'\n"
	for _, environment := range environments {
		for _, v := range environment {
			text += "export " + quoted(v) + "\n"
		}
	}
	return text + "cd \"$SPREAD_PATH/" + dir + "\"\n" + script
}

// quoted makes NAME=VALUE an assignment in which the shell sees variables.
func quoted(v string) string {
	for i := range v {
		if v[i] == '=' {
			return v[:i] + `="` + v[i+1:] + `"`
		}
	}
	return v
}

// runSuite does what spread does with a suite.
func (m machine) runSuite(t *testing.T, s *suite, environments ...variables) {
	environments = append(environments, s.Environment)
	defer m.run(t, s.name, s.Restore, environments...)
	if !m.run(t, s.name, s.Prepare, environments...) {
		return
	}
	for _, one := range s.tasks {
		t.Run(filepath.Base(one.dir), func(t *testing.T) {
			begin := time.Now()
			defer m.run(t, one.dir, one.Restore, environments...)
			if m.run(t, one.dir, one.Prepare, environments...) && !m.run(t, one.dir, one.Execute, environments...) {
				m.run(t, one.dir, one.Debug, environments...)
			}
			t.Logf("%s %v", one.Summary, time.Since(begin).Round(time.Millisecond))
		})
	}
}

// here is this machine, with programs of this tree that are built now.
func here(t *testing.T) machine {
	t.Helper()
	tree, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(path, "bin")+"/", "./cmd/lxd-pool", "./cmd/lxd-poold")
	build.Dir = tree
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %s", out)
	}
	if err := os.CopyFS(filepath.Join(path, "tests"), os.DirFS(filepath.Join(tree, "tests"))); err != nil {
		t.Fatal(err)
	}
	return machine{path, func(script string) *exec.Cmd { return exec.Command("bash", "-c", script) }}
}

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

func TestTheTasksPassOnASimulatedLXD(t *testing.T) { runHere(t, "lxd", nil) }

func TestTheTasksPassOnAPlainHost(t *testing.T) {
	runHere(t, "adhoc", variables{"LXD_DIR=" + lxdDir(t)})
}

// runHere runs what a backend has but for the suite of the snap, which needs a
// snapd.
func runHere(t *testing.T, name string, more variables) {
	p, m := load(t), here(t)
	dir, err := os.MkdirTemp("", "spread") // a short name, for the socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ours := append(more, "WORK="+filepath.Join(dir, "work"), "LXD_POOL_SOCKET="+filepath.Join(dir, "socket"))
	for _, s := range p.Suites {
		if s.name != snapSuite {
			t.Run(filepath.Base(s.name), func(t *testing.T) {
				m.runSuite(t, s, p.Environment, p.Backends[name].Environment, ours)
			})
		}
	}
}

const snapSuite = "tests/spread/snap/"

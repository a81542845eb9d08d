package lxdbackend_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestACommandGetsItsEnvironmentAsItIsAndItsInputAfterIt(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	env := map[string]string{
		"PLAIN": "value", "EMPTY": "", "QUOTES": `it's "quoted" $HOME $(id) \n`, "LINES": "one\n\ntwo\n",
		"_text": "mine", "PATH": "/bin:/usr/bin", "odd.name": "odd", "UID": "7", "UNICODE": "grüße",
	}
	for _, terminal := range []bool{false, true} {
		shown := newScreen()
		keyboard, typed := io.Pipe()
		go func() {
			defer typed.Close()
			if terminal {
				shown.await(t, "ready")
			}
			io.WriteString(typed, "the input\n")
			shown.await(t, "the end") // LXD may lose what is shown right before the end
			io.WriteString(typed, "\n")
		}()
		status, err := r.b.Exec(t.Context(), o, pool.Command{
			Args: []string{"sh", "-c", `stty -echo 2>/dev/null; echo ready; read line; echo "read $line"; od -An -v -tx1 /proc/$$/environ | tr -d ' \n'; echo; echo the end; read line`},
			Env:  env, Terminal: terminal, Stdin: keyboard, Stdout: shown,
		})
		if err != nil || status != 0 {
			t.Errorf("terminal %v: status %d, %v, %s", terminal, status, err, shown)
		}
		if !strings.Contains(shown.String(), "read the input") {
			t.Errorf("terminal %v: the input is missing in %q", terminal, shown)
		}
		for name, value := range env {
			if !strings.Contains(shown.String(), hex.EncodeToString([]byte(name+"="+value+"\x00"))) {
				t.Errorf("terminal %v: %s=%q is missing", terminal, name, value)
			}
		}
	}
	if left := r.run(o, "find /dev /tmp -name '.lxd-pool-*' 2>/dev/null; true"); left != "" {
		t.Errorf("these files are left: %s", left)
	}
}

// A secret is looked for everywhere where LXD keeps, tells or shows something.
func TestNobodyOutsideSeesTheEnvironmentOfACommand(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.running(busybox)
	const secret = "s3cr3t-of-the-holder"
	heard := eavesdrop(t)
	for _, terminal := range []bool{false, true} {
		for _, c := range []pool.Command{{Args: []string{"sh", "-c", `echo "it has $HUSH"; read line`}}, {Login: true}} {
			c.Env, c.Terminal = map[string]string{"HUSH": secret, "TERM": "xterm"}, terminal
			keyboard, typed := io.Pipe()
			shown := newScreen()
			c.Stdin, c.Stdout = keyboard, shown
			done := make(chan error, 1)
			go func() {
				_, err := r.b.Exec(t.Context(), o, c)
				done <- err
			}()
			if c.Login {
				io.WriteString(typed, "echo it has $HUSH\n")
			}
			shown.await(t, "it has "+secret)
			for place, text := range whereLXDShows(t, o) {
				if strings.Contains(text, secret) {
					t.Errorf("terminal %v, login %v: the secret is in %s", terminal, c.Login, place)
				}
			}
			if !strings.Contains(commandLines(t), "lxd forkexec "+string(o.Instance)) {
				t.Error("the search does not see the command itself")
			}
			io.WriteString(typed, "exit\n")
			typed.Close()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	r.run(o, "echo this is the last")
	heard.await(t, "this is the last")
	if strings.Contains(heard.String(), secret) {
		t.Error("LXD tells the secret to those who watch it")
	}
	for _, file := range logs(t, o) {
		text, err := os.ReadFile(file)
		if err != nil || bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s holds the secret, or cannot be read: %v", file, err)
		}
	}
}

// whereLXDShows returns what LXD and the host show of a command while it runs.
func whereLXDShows(t *testing.T, o pool.Order) map[string]string {
	t.Helper()
	shown := map[string]string{"the host's processes": commandLines(t)}
	for _, path := range []string{"/1.0/operations?recursion=1", where(o.Instance, ""), where(o.Instance, "/state")} {
		answer, _, err := admin(t).server.RawQuery(http.MethodGet, path, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		shown[path] = string(answer.Metadata)
	}
	return shown
}

// commandLines returns those of all processes of the host.
func commandLines(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may be gone
		all.Write(bytes.ReplaceAll(text, []byte{0}, []byte(" ")))
	}
	return all.String()
}

// logs are the files that LXD writes about itself and an instance.
func logs(t *testing.T, o pool.Order) []string {
	t.Helper()
	var list []string
	for _, dir := range []string{os.Getenv("LXD_DIR") + "/logs", "/var/lib/lxd/logs", "/var/snap/lxd/common/lxd/logs", "/var/log/lxd"} {
		for _, pattern := range []string{"*.log", string(o.Instance) + "/*.log"} {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, files...)
		}
	}
	if !slices.ContainsFunc(list, func(file string) bool { return strings.HasSuffix(file, "lxd.log") }) {
		t.Fatalf("LXD's own log is not among %v", list)
	}
	return list
}

// eavesdrop listens to all that LXD tells, which is more than it logs.
func eavesdrop(t *testing.T) *screen {
	t.Helper()
	listener, err := admin(t).server.GetEventsAllProjects()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Disconnect)
	heard := newScreen()
	if _, err := listener.AddHandler(nil, func(e api.Event) {
		text, _ := json.Marshal(e)
		heard.Write(text)
	}); err != nil {
		t.Fatal(err)
	}
	return heard
}

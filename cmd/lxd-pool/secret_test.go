package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A secret goes every way into an instance that there is, and is then looked for
// in what LXD and the daemon write down and list.
func TestASecretLandsInNoLogAndNoConfigOnRealLXD(t *testing.T) {
	t.Setenv("LXD_DIR", lxdDir(t))
	home := t.TempDir()
	socket, state := filepath.Join(home, "socket"), filepath.Join(home, "state")
	d, err := launch(socket, state, "--backend", "lxd", "--log-level", "debug")
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	t.Setenv("LXD_POOL_SOCKET", socket)
	defer exec.Command("lxd-pool", "delete", "cli-secret", "--force").Run() // after a failure
	say := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("lxd-pool", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v, %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	say("create", "cli-secret", "--image", "lxd-pool/busybox", "--size", "1", "--wait")

	const ofLease, ofCommand = "hush-of-the-lease", "hush-of-the-command"
	lease := say("acquire", "cli-secret", "-q", "--env", "LEASE="+ofLease)
	const script = `echo $LEASE $COMMAND`
	for _, user := range []string{"root", "nobody"} {
		if got := say("exec", lease, "--env", "COMMAND="+ofCommand, "--user", user, "--", "sh", "-c", script); got != ofLease+" "+ofCommand {
			t.Errorf("the command of %s got %q", user, got)
		}
	}
	id := say("exec", "--detach", lease, "--env", "COMMAND="+ofCommand, "--", "sh", "-c", script)
	say("command", "wait", lease, id)
	if got := say("command", "output", lease, id); got != ofLease+" "+ofCommand {
		t.Errorf("the detached command got %q", got)
	}

	places := map[string]string{
		"the command's listing": say("command", "list", lease, "-f", "json"),
		"the lease":             say("show-lease", lease, "-f", "json"),
		"the instances":         say("instances", "-f", "json"),
		"LXD's config":          run(t, "lxc", "query", "/1.0/instances?recursion=2"),
		"LXD's operations":      run(t, "lxc", "query", "/1.0/operations?recursion=1"),
	}
	for _, pattern := range []string{"/var/log/lxd/*.log", "/var/snap/lxd/common/lxd/logs/*.log", "/var/lib/lxd/logs/*.log", "/var/lib/lxd/logs/cli-secret-*/*.log"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			places[file] = string(text)
		}
	}
	// The journal has the lease's until it ends.
	if info, err := os.Stat(filepath.Join(state, "pools", "cli-secret.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal can be read by others: %v, %v", info, err)
	}
	say("delete", "cli-secret", "--force")
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	places["the daemon's log"] = d.log.String()
	if !strings.Contains(places["the daemon's log"], lease) {
		t.Error("the daemon does not log what happens to a lease; is that its log?")
	}
	for place, text := range places {
		if strings.Contains(text, ofLease) || strings.Contains(text, ofCommand) {
			t.Errorf("%s has a secret", place)
		}
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		t.Fatal(args, err)
	}
	return string(out)
}

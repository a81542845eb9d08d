package spread

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// charmOn tries what the charm does with its machine: snapd's API, and LXD's.
func charmOn(t *testing.T, m snapd) {
	program := t.TempDir() + "/workload"
	must(t, root, "env", "CGO_ENABLED=0", "go", "build", "-o", program, "./tests/workload")
	must(t, root, "lxc", "file", "push", "--project", "default", "-q", program, m.name+"/root/workload")
	// Elsewhere LXD has a socket also while nothing is connected to it.
	const link = "mkdir -p /var/snap/lxd/common/lxd && ln -sf /run/lxd-of-the-host.socket /var/snap/lxd/common/lxd/unix.socket; "
	m.output(link)
	before := instances(t)
	ok := func(step, want string) {
		t.Helper()
		out, err := m.command("/root/workload " + step).CombinedOutput()
		if err != nil || !regexp.MustCompile(want).Match(out) {
			t.Fatalf("%s: %v: %s", step, err, out)
		}
	}
	sees := func(line, want string) {
		t.Helper()
		if out := m.output(line); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: %s", line, out)
		}
	}
	ok("install /root/lxd-pool.snap", "")
	ok("install /root/lxd-pool.snap", "") // nothing is left to do
	sees("snap connections lxd-pool", `lxd-pool:lxd +lxd:lxd`)
	sees("lxd-pool list -f csv", `^default,`)
	if now := instances(t); now != before {
		t.Errorf("before it was configured it made\n%s", now)
	}
	refused := func(step, want string) {
		t.Helper()
		out, err := m.command("/root/workload " + step).CombinedOutput()
		if _, failed := err.(*exec.ExitError); !failed || !regexp.MustCompile(want).Match(out) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s: %v: %s", step, err, out)
		}
	}
	ok("configure image=lxd-pool/busybox size=1 max=2 config.limits.memory=128MiB ttl=2h", "")
	sees("snap get -d lxd-pool", `(?s)"limits": \{\s+"memory": "128MiB"`)
	refused("configure image=there-is-none size=1", `^\*pool\.Error: cannot use image .*there-is-none`)
	sees("snap get lxd-pool image", `^lxd-pool/busybox\n$`)
	m.output(`for i in $(seq 300); do lxd-pool list -c nr | grep -q 'default *| 1 ' && break; sleep 0.2; done`)
	sees("lxd-pool run default --wait 1m -- echo served", `served`)
	ok("configure image=lxd-pool/busybox size=0 max=2", "")
	sees("snap get lxd-pool ttl config 2>&1", `(?s)has no "ttl"|^\s*$`)
	ok("put tls.key secret", `^/var/snap/lxd-pool/common/charm/tls.key\n$`)
	ok("get tls.key", `^secret\n$`)
	sees("stat -c %a /var/snap/lxd-pool/common/charm/tls.key", `^600\n$`)
	ok("cluster", `^\n$`)
	ok("stop", "")
	sees("snap services lxd-pool", `lxd-pool.daemon +disabled +inactive`)
	ok("configure image=lxd-pool/busybox size=1 max=2", "")
	sees("snap services lxd-pool", `lxd-pool.daemon +enabled +active`)
	ok("remove", "")
	ok("remove", "")
	sees("snap list", `(?s)^.*lxd .*$`)
	if out := m.output("snap list"); strings.Contains(out, "lxd-pool") {
		t.Errorf("the snap is still there:\n%s", out)
	}
	if left := instances(t); left != before {
		t.Errorf("there were the instances\n%sand it leaves\n%s", before, left)
	}
	sees("ls /var/lib/lxd-pool-charm", `^$`)

	// A snap that was there before is left as it was.
	m.output(link + "snap install --dangerous /root/lxd-pool.snap; snap set lxd-pool size=0 ttl=3h")
	ok("install ''", "")
	ok("configure image=lxd-pool/busybox size=0 max=2", "")
	ok("remove", "")
	sees("snap get lxd-pool ttl", `^3h\n$`)
	sees("snap connections lxd-pool", `lxd-pool:lxd +- `)
}

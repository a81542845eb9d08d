package spread

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// setUpForSSH is what the pool of the how-to does once, in its template.
const setUpForSSH = `mkdir -p /etc/ssh/sshd_config.d
printf 'PermitRootLogin yes\nPasswordAuthentication yes\n' >/etc/ssh/sshd_config.d/00-spread.conf
`

// What spread does with a backend of type adhoc: it runs "allocate", reads
// ADDRESS=, logs in there over ssh with the password that it gave, runs what
// there is to run, and runs "discard" with that address.
func TestSpreadLeasesItsMachines(t *testing.T) {
	lxd := lxdDir(t)
	m := here(t)
	dir, err := os.MkdirTemp("", "spread") // a short name, for the socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	setup := filepath.Join(dir, "setup")
	if err := os.WriteFile(setup, []byte(setUpForSSH), 0o644); err != nil {
		t.Fatal(err)
	}
	ours := variables{"PATH=" + m.path + "/bin:" + m.path + "/tests/spread/lib:$PATH", "LXD_DIR=" + lxd, "BACKEND=lxd",
		"WORK=" + dir, "LXD_POOL_SOCKET=" + filepath.Join(dir, "socket"), "LXD_POOL_SPREAD_POOL=spread-debian"}
	defer m.run(t, ".", "daemon stop", ours)
	defer m.run(t, ".", "lxd-pool delete spread-debian --force", ours)
	if !m.run(t, ".", "daemon start; lxd-pool create spread-debian --image lxd-pool/debian --size 1 --max 1 --setup "+setup+" --wait", ours) {
		return
	}

	leased := load(t).Backends["leased"]
	job := variables{"SPREAD_BACKEND=leased", "SPREAD_SYSTEM=debian-12", "SPREAD_SYSTEM_USERNAME=root",
		"SPREAD_SYSTEM_PASSWORD=", "SPREAD_PASSWORD=drawn-for-this-run", "SPREAD_SYSTEM_ADDRESS="}
	said := output(t, m, leased.Allocate, ours, job)
	address := regexp.MustCompile(`(?m)^ADDRESS=(\d+\.\d+\.\d+\.\d+)$`).FindStringSubmatch(said)
	if address == nil {
		t.Fatalf("allocate printed\n%s", said)
	}
	ask := filepath.Join(dir, "ask") // how ssh gets a password without a terminal
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho drawn-for-this-run\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ssh := exec.Command("ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		"-o", "PubkeyAuthentication=no", "root@"+address[1], "hostname")
	ssh.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force")
	out, err := ssh.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "spread-debian-") {
		t.Fatalf("over ssh: %v\n%s", err, out)
	}

	// The only machine is leased, and nobody waits here.
	full := append(job, "LXD_POOL_SPREAD_WAIT=0")
	if said := output(t, m, leased.Allocate, ours, full); !regexp.MustCompile(`(?m)^FATAL=Error: cannot acquire from pool spread-debian: .+`).MatchString(said) {
		t.Errorf("a second allocate printed\n%s", said)
	}

	job = append(job, "SPREAD_SYSTEM_ADDRESS="+address[1])
	output(t, m, leased.Discard, ours, job)
	if left := output(t, m, "lxd-pool leases -q", ours); left != "" {
		t.Errorf("discarded, there is the lease %s", left)
	}
	output(t, m, leased.Discard, ours, job) // spread may do it twice
}

func output(t *testing.T, m machine, script string, environments ...variables) string {
	t.Helper()
	out, err := m.shell(m.text(".", script, environments...)).Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

package spread

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/reference/snap-session.md anew")

// sessionPage is the page that the session with the snap is compared with.
const sessionPage = root + "/docs/reference/snap-session.md"

// The snap of this tree on a real snapd, with the LXD of this machine behind
// it. The page in the docs shows the session.
func TestTheSnapOnARealSnapd(t *testing.T) {
	m := newSnapd(t)
	if !t.Run("session", func(t *testing.T) {
		s := &session{t: t, m: m, before: instances(t)}
		s.run()
		if !t.Failed() {
			s.compare()
		}
	}) {
		t.Logf("the log of the snap:\n%s", m.output("snap logs lxd-pool -n 60"))
		return
	}
	t.Run("charm", func(t *testing.T) { charmOn(t, m) })
	p := load(t)
	suite := p.Suites[snapSuite]
	t.Run("tasks", func(t *testing.T) {
		m.runSuite(t, suite, p.Environment, p.Backends["adhoc"].Environment)
	})
}

// snapd is a machine with a real snapd: a container.
type snapd struct {
	machine
	name string
}

// newSnapd starts one, and puts what spread would send there, and the snap.
func newSnapd(t *testing.T) snapd {
	t.Helper()
	t.Setenv("LXD_DIR", lxdDir(t))
	const path = "/root/lxd-pool"
	name := "lxd-pool-snapd-" + strconv.Itoa(os.Getpid())
	m := snapd{machine{path, func(script string) *exec.Cmd {
		return exec.Command("lxc", "exec", name, "--project", "default", "-T", "--", "bash", "-c", script)
	}}, name}
	tree, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	before := instances(t)
	t.Cleanup(func() {
		m.output("snap remove --purge lxd-pool")
		must(t, tree, "tests/lib/snapd-down", name)
		if left := instances(t); left != before {
			t.Errorf("there were the instances\n%sand afterwards\n%s", before, left)
		}
	})
	newer := t.TempDir() // with the journal of a version to come
	must(t, tree, "env", "GOFLAGS=-tags=nextformat", "make", "-s", "snap", "VERSION=2.0")
	must(t, tree, "sh", "-c", `mv build/snap/*.snap "$0"/lxd-pool-2.snap`, newer)
	must(t, tree, "make", "-s", "snap", "VERSION=1.0")
	must(t, tree, "tests/lib/snapd-up", "--until", strconv.Itoa(os.Getpid()), name)
	must(t, tree, "sh", "-c", `tar -c tests/spread build/snap/lxd-pool_1.0_*.snap -C "$2" lxd-pool-2.snap |
		lxc exec "$0" --project default -- sh -c 'mkdir "$1" && tar -C "$1" -x && cp "$1"/build/snap/*.snap /root/lxd-pool.snap && mv "$1"/lxd-pool-2.snap /root' sh "$1"`, name, path, newer)
	return m
}

// instances are the tagged ones of this machine's LXD, of pools that the snap makes.
func instances(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("lxc", "list", "--project", "default", "--format", "csv", "-c", "n", "user.lxd-pool.manager=").Output()
	if err != nil {
		t.Error(err)
	}
	var ours strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "default-") || strings.HasPrefix(line, "snapci-") {
			ours.WriteString(line)
		}
	}
	return ours.String()
}

func must(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// command returns one that runs as a user of the machine would run it.
func (m snapd) command(line string) *exec.Cmd {
	return m.shell("cd /root; PATH=/snap/bin:$PATH; " + line)
}

func (m snapd) output(line string) string {
	out, _ := m.command(line).CombinedOutput()
	return string(out)
}

// session is what somebody types and sees.
type session struct {
	t *testing.T
	m snapd
	// before are the instances that were there before the snap.
	before string
	page   bytes.Buffer
	open   bool
}

// run is the session: each step says what the user must see.
func (s *session) run() {
	s.say("Installed, the daemon is up at once. Without the interface it says what to type:")
	s.ok("snap install --dangerous lxd-pool.snap")
	s.until("lxd-pool status | head -n 2", `snap connect lxd-pool:lxd lxd:lxd`)
	s.matches("snap list lxd-pool", `blocked`)

	s.say("The default pool is made from what is set. It fills when LXD is connected:")
	s.ok("snap set lxd-pool image=lxd-pool/busybox size=1 max=4")
	s.ok("snap connect lxd-pool:lxd lxd:lxd")
	s.until("lxd-pool list -c nisrlS", `default .*\| 1 +\| 1 `)

	s.say("Up and down:")
	s.ok("snap set lxd-pool size=3")
	s.until("lxd-pool list -c nsrlb", `default +\| 3 +\| 3 `)
	s.ok("snap set lxd-pool size=1")
	s.until("lxd-pool list -c nsrlb", `default +\| 1 +\| 1 +\| 0 +\| 1/4 `)

	s.say("A bad value is refused with one line, and changes nothing:")
	before := s.m.output("snap get -d lxd-pool; lxd-pool show default --format json")
	for _, bad := range []string{"size=abc", "ttl=5x", "type=vm", "recycle=maybe", "log-level=loud"} {
		key, value, _ := strings.Cut(bad, "=")
		s.refused("snap set lxd-pool "+bad, fmt.Sprintf(`\(run hook "configure": cannot use %s="%s".+\)\n$`, key, value))
	}
	if after := s.m.output("snap get -d lxd-pool; lxd-pool show default --format json"); after != before {
		s.t.Errorf("bad values changed\n%s\nto\n%s", before, after)
	}

	s.say("A further pool, of one container:")
	s.ok("snap set lxd-pool pools.snapci.image=lxd-pool/busybox pools.snapci.size=1 pools.snapci.max=1")
	s.until("lxd-pool list -c nsrlbk", `snapci +\| 1 +\| 1 `)

	s.say("A lease:")
	lease := strings.TrimSpace(s.ok("lxd-pool acquire snapci -q --ttl 2h"))
	host := s.ok("lxd-pool exec " + lease + " -- hostname")

	s.say("A refresh keeps it, and ten who wait for another one go on waiting, each in its place. While a command of the snap runs, snapd puts a\nrefresh off unless it is told not to; a service is no command.")
	waiters := s.begin("for i in $(seq 10); do lxd-pool run snapci --wait 5m -- echo served & done; wait")
	s.until("lxd-pool list -c nlw", `snapci +\| 1 +\| 10 `)
	s.refused("snap install --dangerous lxd-pool.snap", `has running apps \(lxd-pool\)`)
	s.ok("snap install --dangerous --ignore-running lxd-pool.snap")
	s.until("lxd-pool list -c nlw", `snapci +\| 1 +\| 10 `)
	s.same("lxd-pool exec "+lease+" -- hostname", host)
	s.ok("lxd-pool release " + lease)
	if got := waiters(); got != strings.Repeat("served\n", 10) {
		s.t.Errorf("those who waited got %q", got)
	}

	s.say("So does the way back:")
	next := strings.TrimSpace(s.ok("lxd-pool acquire snapci -q --ttl 2h"))
	s.ok("snap revert lxd-pool")
	s.until("lxd-pool leases -q", regexp.QuoteMeta(next))
	s.until("lxd-pool exec "+next+" -- hostname", `snapci-`)

	s.say("A revision with a newer form of the journal takes the old one over. The one before refuses to read it then, and\nleaves it unharmed for the newer one:")
	s.ok("snap install --dangerous lxd-pool-2.snap")
	s.until("lxd-pool leases -q", regexp.QuoteMeta(next))
	s.ok("snap revert lxd-pool")
	s.until("snap logs lxd-pool -n 20 | grep -o 'a newer lxd-pool wrote it.*' | tail -n 1", `a newer lxd-pool wrote it`)
	s.ok("snap install --dangerous lxd-pool-2.snap")
	s.until("lxd-pool leases -q", regexp.QuoteMeta(next))
	s.until("lxd-pool exec "+next+" -- hostname", `snapci-`)

	s.say("Removing the snap deletes its containers:")
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*time.Minute) // the hook may take three
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); s.ok("snap remove lxd-pool") }()
	select {
	case <-done:
	case <-ctx.Done():
		s.t.Fatal("snap remove hangs")
	}
	if left := instances(s.t); left != s.before {
		s.t.Errorf("there were the instances\n%sand the removed snap leaves\n%s", s.before, left)
	}
}

func (s *session) say(text string) {
	s.fence(false)
	s.page.WriteString("\n" + text + "\n")
}

func (s *session) fence(open bool) {
	if s.open != open {
		s.page.WriteString(map[bool]string{true: "\n```\n", false: "```\n"}[open])
		s.open = open
	}
}

func (s *session) show(line, out string) {
	s.fence(true)
	s.page.WriteString("$ " + line + "\n" + out)
}

func (s *session) ok(line string) string {
	s.t.Helper()
	out, err := s.m.command(line).CombinedOutput()
	s.show(line, string(out))
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func (s *session) matches(line, pattern string) {
	s.t.Helper()
	if out := s.ok(line); !regexp.MustCompile(pattern).MatchString(out) {
		s.t.Errorf("%s prints\n%swhich does not match %s", line, out, pattern)
	}
}

func (s *session) same(line, want string) {
	s.t.Helper()
	if out := s.ok(line); out != want {
		s.t.Errorf("%s prints %q, want %q", line, out, want)
	}
}

// refused: the command fails, and says why.
func (s *session) refused(line, pattern string) {
	s.t.Helper()
	out, err := s.m.command(line).CombinedOutput()
	s.show(line, string(out))
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !regexp.MustCompile(pattern).Match(out) {
		s.t.Errorf("%s ends with %v and prints\n%s", line, err, out)
	}
}

// until repeats what has to become true by itself, and shows the last time.
func (s *session) until(line, pattern string) {
	s.t.Helper()
	within, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for {
		out := s.m.output(line)
		if regexp.MustCompile(pattern).MatchString(out) {
			s.show(line, out)
			return
		}
		if within.Err() != nil {
			s.t.Fatalf("%s never printed what matches %s, but\n%s", line, pattern, out)
		}
	}
}

// begin starts a command that goes on, and returns what waits for its output.
func (s *session) begin(line string) func() string {
	s.t.Helper()
	s.show(line+" &", "")
	cmd := s.m.command(line)
	var out, why bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &why
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.t.Cleanup(func() { cmd.Process.Kill() })
	return func() string {
		s.t.Helper()
		if err := <-ended; err != nil {
			s.t.Fatalf("%s: %v\n%s", line, err, why.String())
		}
		s.show("fg", out.String())
		return out.String()
	}
}

// What differs from one run to the next, and what stands for it: the first one
// found has the first text, the next one that is not the same the next.
var varying = []struct {
	pattern *regexp.Regexp
	with    []string
}{
	{regexp.MustCompile(`\bdefault-[a-z0-9]{4}-\d+\b`), []string{"default-wx2y-1", "default-wx2y-2"}},
	{regexp.MustCompile(`\bsnapci-[a-z0-9]{4}-\d+\b`), []string{"snapci-k3vn-1", "snapci-k3vn-12"}},
	{regexp.MustCompile(`\bsnapci\.[a-z0-9]{10}\b`), []string{"snapci.pyrx7uqqyc", "snapci.acphiq7w24"}},
	{regexp.MustCompile(`\bpids: [\d,]+`), []string{"pids: 3731"}},
	{regexp.MustCompile(`\(since [^)]*\)`), []string{"(since 2s ago)"}},
	{regexp.MustCompile(`cannot (?:list instances|create instance \S+): LXD`), []string{"cannot list instances: LXD"}},
}

// settled is a text without what differs.
func settled(text string) string {
	for _, v := range varying {
		found := map[string]string{}
		text = v.pattern.ReplaceAllStringFunc(text, func(one string) string {
			if found[one] == "" {
				found[one] = v.with[min(len(found), len(v.with)-1)]
			}
			return found[one]
		})
	}
	return text
}

const sessionHead = `# A session with the snap

<!-- Written by: go test ./tests/spread -run RealSnapd -update -->

This is what a real snapd printed, in the test of the snap: a container with systemd and Debian's snapd, in front of a real
LXD. Names and ids of instances and leases are those of one run. The base snaps and the LXD snap there are stand-ins of a
few files, and snapd does not confine snaps in a container: so this shows what the hooks and the daemon do, and proves
nothing about what AppArmor lets them do. The stand-in for the LXD snap has a socket only while something is connected to it.
`

func (s *session) compare() {
	s.t.Helper()
	s.fence(false)
	text := sessionHead + settled(s.page.String())
	if *update {
		if err := os.WriteFile(sessionPage, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(sessionPage)
	if err != nil {
		s.t.Fatal(err)
	}
	if string(want) != text {
		s.t.Errorf("the session is no longer as %s shows it; look at it, and if it is right: go test ./tests/spread -run RealSnapd -update\n%s", sessionPage, text)
	}
}

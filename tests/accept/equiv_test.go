package accept

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// equivalent is something that both lxc and lxd-pool can do. Its lines are run
// by a shell, and are the lines of the page, where the variables that stand for
// something lose their sign.
type equivalent struct {
	about     string
	lxc, pool []string
	// before is run on both sides first, and is not in the page. Lines KEY=VALUE
	// that it prints are variables of the other lines.
	before string
	// status is that of the lines, on both sides.
	status int
	// typed is what is typed at a terminal that each line then has. What is
	// printed there is not compared.
	typed string
	// see looks at the outcome, on both sides, with $IT for the instance of the
	// side and $PROGRAM for its command. What it prints has to be the same. "": what the lines print has to be.
	see string
	// compared says in words what is compared.
	compared string
}

// equivalents are those that share what they work on: one instance on each
// side, unless the owner's work needs none.
type equivalents struct {
	title string
	intro string
	owner bool
	// other: there is a second LXD at $OTHER, with its socket in $OTHER_DIR.
	other bool
	// cluster: the LXD is a cluster of three of its own.
	cluster bool
	cases   []equivalent
}

const equivalentsPage = "../../docs/reference/lxc-equivalents.md"

var updatePage = flag.Bool("update", false, "write "+equivalentsPage)

func TestThePageOfEquivalentsIsThatOfTheCases(t *testing.T) {
	want := pageOfEquivalents()
	if *updatePage {
		if err := os.WriteFile(equivalentsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(equivalentsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Fatalf("%s is not what the cases say; write it again: go test ./tests/accept -run ThePageOf -update", equivalentsPage)
	}
}

func pageOfEquivalents() string {
	var page strings.Builder
	page.WriteString(equivalentsIntro)
	for _, group := range allEquivalents {
		fmt.Fprintf(&page, "\n## %s\n\n", group.title)
		if group.intro != "" {
			fmt.Fprintf(&page, "%s\n\n", strings.TrimSpace(group.intro))
		}
		page.WriteString("| to | with LXD | with lxd-pool | the same |\n|---|---|---|---|\n")
		for _, e := range group.cases {
			fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", e.about, linesOfPage(e.lxc), linesOfPage(e.pool), e.compared)
		}
	}
	return page.String()
}

func linesOfPage(lines []string) string {
	shown := make([]string, len(lines))
	for i, line := range lines {
		line = strings.NewReplacer("$LEASE", "LEASE", "$C", "C", "$TOKEN", "TOKEN", "$OTHER", "URL", "$MEMBER", "MEMBER", "|", `\|`).Replace(line)
		shown[i] = "`" + line + "`"
	}
	return strings.Join(shown, "<br>")
}

// Both sides do the same to an instance of their own, and then the outcome has
// to be the same.
func TestWhatLXCDoesLXDPoolDoes(t *testing.T) {
	vars := map[string]string{}
	if slices.ContainsFunc(allEquivalents, func(e equivalents) bool { return e.other }) {
		vars["OTHER_DIR"], vars["OTHER"] = startOtherLXD(t)
	}
	d := startEquivalents(t) // it ends before the other LXD does
	for _, group := range allEquivalents {
		t.Run(group.title, func(t *testing.T) {
			d := d
			if group.cluster {
				t.Setenv("LXD_DIR", filepath.Join(startLXDs(t, "cluster-up"), "m1", "lxd"))
				d = startEquivalents(t)
			}
			b := &besides{daemon: d, vars: maps.Clone(vars)}
			b.vars["LXD_POOL_SOCKET"], b.vars["PATH"] = d.Socket, binaries+":"+os.Getenv("PATH")
			if !group.owner {
				b.launch(t)
			}
			for _, e := range group.cases {
				t.Run(e.about, func(t *testing.T) { b.compare(t, &e) })
			}
		})
	}
}

// startEquivalents starts a daemon with a pool.
func startEquivalents(t *testing.T) *daemon {
	d := startDaemon(t)
	t.Setenv("LXD_CONF", t.TempDir()) // the remotes of whoever runs the tests are left alone
	d.create("equiv", pool.Spec{Size: 1, Max: 6})
	t.Cleanup(func() { // what a case left that failed; there is none of it else
		for _, kind := range []string{"image", "profile"} {
			exec.Command("lxc", kind, "delete", "equiv").Run()
		}
	})
	return d
}

// startOtherLXD starts a second LXD that ends with the test, and returns its
// directory and its address.
func startOtherLXD(t *testing.T) (dir, url string) {
	t.Helper()
	top := startLXDs(t, "remote-up")
	text, err := os.ReadFile(filepath.Join(top, "other", "url"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(top, "other", "lxd"), strings.TrimSpace(string(text))
}

// startLXDs starts LXDs that end with the test, and returns their directory.
func startLXDs(t *testing.T, up string) string {
	t.Helper()
	top, err := os.MkdirTemp("", "equiv") // a short name, for the sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("../lib/cluster-down", top).CombinedOutput(); err != nil {
			t.Errorf("cluster-down: %v\n%s", err, out)
		}
		os.RemoveAll(top)
	})
	if out, err := exec.Command("../lib/"+up, "--until", fmt.Sprint(os.Getpid()), top).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", up, err, out)
	}
	return top
}

// besides is an instance that lxc launched beside one that is leased.
type besides struct {
	*daemon
	vars      map[string]string
	container string
	lease     *api.Lease
}

// launch makes both of one image. They go with the test.
func (b *besides) launch(t *testing.T) {
	b.container = fmt.Sprintf("equiv-beside-%d", time.Now().UnixNano()%1e9)
	lxc(t, "launch", image, b.container)
	t.Cleanup(func() { lxc(t, "delete", "--force", b.container) })
	leases, err := b.Acquire(b.ctx, pool.AcquireRequest{Pool: "equiv", Wait: pool.Duration(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	b.lease = leases[0]
	t.Cleanup(func() {
		if _, err := b.Release(b.ctx, b.lease.ID); err != nil {
			t.Error(err)
		}
	})
}

// compare runs a case on both sides.
func (b *besides) compare(t *testing.T, e *equivalent) {
	vars := maps.Clone(b.vars)
	theirs, ours := "", ""
	if b.lease != nil {
		theirs, ours = b.container, string(b.lease.Instance)
		vars["C"], vars["LEASE"] = b.container, string(b.lease.ID)
	}
	want := newSide(t, b.ctx, vars, "lxc", theirs).run(e, e.lxc)
	got := newSide(t, b.ctx, vars, "lxd-pool", ours).run(e, e.pool)
	if want.status != e.status {
		t.Errorf("lxc ends with status %d, not %d", want.status, e.status)
	}
	if got != want {
		t.Errorf("lxc: %s\nlxd-pool: %s", want, got)
	}
}

// outcome is what a side came to.
type outcome struct {
	status  int
	printed string
}

func (o outcome) String() string { return fmt.Sprintf("status %d\n%s", o.status, o.printed) }

// side is where one side runs, in a folder of its own, on the instance it.
type side struct {
	t    *testing.T
	ctx  context.Context
	dir  string
	vars map[string]string
}

func newSide(t *testing.T, ctx context.Context, vars map[string]string, program, it string) *side {
	s := &side{t, ctx, t.TempDir(), maps.Clone(vars)}
	s.vars["PROGRAM"], s.vars["IT"] = program, it
	return s
}

// run runs the lines of one side, and looks at the outcome.
func (s *side) run(e *equivalent, lines []string) outcome {
	s.t.Helper()
	first := s.sh("set -e\n"+e.before, "")
	if first.status != 0 {
		s.t.Fatalf("before it: %s", first)
	}
	for line := range strings.Lines(first.printed) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			s.vars[key] = value
		}
	}
	got := outcome{}
	for _, line := range lines {
		if e.typed != "" {
			line = "script -qec '" + line + "' /dev/null"
		}
		next := s.sh(line, e.typed)
		got.status, got.printed = cmp.Or(got.status, next.status), got.printed+next.printed
	}
	if e.see != "" {
		seen := s.sh("set -e\n"+e.see, "")
		if seen.status != 0 || seen.printed == "" {
			s.t.Fatalf("the outcome cannot be seen: %s\n%s", seen, got)
		}
		s.t.Logf("%s\nseen: %s", got, seen.printed)
		got.printed = seen.printed
	}
	for _, key := range []string{"C", "IT", "LEASE"} {
		if name := s.vars[key]; name != "" {
			got.printed = strings.ReplaceAll(got.printed, name, "C")
		}
	}
	return got
}

// sh runs a script.
func (s *side) sh(script, input string) outcome {
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", script)
	c.Dir, c.Stdin = s.dir, strings.NewReader(input)
	c.Env = os.Environ()
	for key, value := range s.vars {
		c.Env = append(c.Env, key+"="+value)
	}
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		s.t.Fatalf("%s: %v", script, err)
	}
	return outcome{c.ProcessState.ExitCode(), string(out)}
}

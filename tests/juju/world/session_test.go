package world

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
	"github.com/juju/juju/lxd-pool-tests/programs"
)

var update = flag.Bool("update", false, "write docs/reference/charm-session.md anew")

// needLXD sets LXD_DIR, or leaves the test out where there is no LXD to test with.
func needLXD(t *testing.T) {
	t.Helper()
	if os.Getenv("LXD_POOL_TEST_LXD") == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no LXD to test with: LXD_POOL_TEST_LXD is not set")
		}
		t.Skip("NOT RUN: it needs a real LXD; set one up with tests/lib/lxd-up and LXD_POOL_TEST_LXD=1")
	}
}

// The whole story, with containers of the real LXD: deploy, relate, use what the
// relation gives, scale out, go. The page in the docs shows it.
func TestASessionWithTheCharmOnARealLXD(t *testing.T) {
	needLXD(t)
	s := &session{world: newWorld(t, model.Options{Tools: built.tools})}
	s.real = true
	s.run()
	s.discreet()
	if !t.Failed() {
		s.compare()
	}
}

// session is what operators do, and what they see.
type session struct {
	*world
	page bytes.Buffer
}

func (s *session) run() {
	s.say("Deploy, with a small image of this machine. The unit installs the snap, connects it to LXD, and fills its pool:")
	s.do("juju deploy lxd-pool --config image=lxd-pool/cloud --config size=3 --config max=3", func() {
		s.deployPool(1, map[string]any{"image": "lxd-pool/cloud", "size": 3, "max": 3})
	})
	s.say("Relate an application that asks for three. Its unit runs a command in each, over the API, with the token and the\nauthority that the relation gave it:")
	s.do("juju deploy web --config count=3 --config ssh=true; juju integrate web:pool lxd-pool:lease", func() {
		s.deployWeb("web", 1, map[string]any{"count": 3, "ssh": true, "command": "hostname; id -un"})
	})
	s.mustCount("web", map[string]int{"web/0": 3})
	s.check("web")
	s.action("web/0", "run", map[string]any{"command": "id -un"})
	s.say("The same by ssh, with the key of the unit, to a port of the unit of lxd-pool, knowing the host by the keys in the relation:")
	s.action("web/0", "ssh", map[string]any{"command": "hostname"})
	s.action("lxd-pool/0", "list-leases", nil)

	s.say("A second application finds no room, and is told so:")
	s.do("juju deploy app; juju integrate app:pool lxd-pool:lease", func() { s.deployWeb("app", 1, nil) })
	s.say("Another unit brings some:")
	s.do("juju add-unit lxd-pool", func() { s.AddUnit("lxd-pool") })
	s.mustCount("app", map[string]int{"app/0": 1})
	s.check("web", "app")
	s.say("A wrong option blocks the units with the remedy, and takes nothing from anybody:")
	s.do("juju config lxd-pool size=-1", func() { s.SetConfig("lxd-pool", map[string]any{"size": -1}) })
	s.do("juju config lxd-pool image=there-is-none size=1", func() {
		s.SetConfig("lxd-pool", map[string]any{"image": "there-is-none", "size": 1})
	})
	s.check("web", "app")
	s.do("juju config lxd-pool image=lxd-pool/cloud", func() { s.SetConfig("lxd-pool", map[string]any{"image": "lxd-pool/cloud"}) })
	s.say("The first unit leaves. It ends its leases and deletes its containers, and the other one takes over what it has room for:")
	s.do("juju remove-unit lxd-pool/0", func() { s.RemoveUnit("lxd-pool/0") })
	s.check("web", "app")
	s.say("The relations end, and everything is returned:")
	s.do("juju remove-relation app lxd-pool", func() { s.Unrelate("app:pool", "lxd-pool:lease") })
	s.do("juju remove-relation web lxd-pool", func() { s.Unrelate("web:pool", "lxd-pool:lease") })
	s.check()
	s.action("lxd-pool/1", "list-leases", nil)
	s.do("juju remove-application lxd-pool", func() { s.RemoveApp("lxd-pool") })
	if snaps := s.machine("lxd-pool/1").Snaps(); len(snaps) != 1 {
		s.t.Errorf("it leaves %v", snaps)
	}
}

func (s *session) say(text string) { fmt.Fprintf(&s.page, "\n%s\n", text) }

// do does something, and shows the statuses that come of it.
func (s *session) do(command string, f func()) {
	s.t.Helper()
	f()
	s.settle()
	fmt.Fprintf(&s.page, "\n```\n$ %s\n", command)
	for _, app := range []string{"lxd-pool", "web", "app"} {
		if !s.Has(app) {
			continue
		}
		for _, unit := range s.Units(app) {
			fmt.Fprintf(&s.page, "%-11s %s\n", unit, s.Status(unit))
		}
	}
	s.page.WriteString("```\n")
}

// action runs an action, and shows its results.
func (s *session) action(unit, name string, params map[string]any) {
	s.t.Helper()
	results := flat("", s.act(unit, name, params))
	command := "juju run " + unit + " " + name
	for _, k := range slices.Sorted(maps.Keys(params)) {
		command += fmt.Sprintf(" %s=%q", k, params[k])
	}
	fmt.Fprintf(&s.page, "\n```\n$ %s\n", command)
	for _, k := range slices.Sorted(maps.Keys(results)) {
		fmt.Fprintf(&s.page, "%s: %s\n", k, byInstance(strings.TrimSpace(results[k])))
	}
	s.page.WriteString("```\n")
}

// byInstance puts a list of leases in the order of their instances, as all else
// is here; other texts stay as they are.
func byInstance(text string) string {
	var list []json.RawMessage
	if json.Unmarshal([]byte(text), &list) != nil || len(list) == 0 {
		return text
	}
	name := func(m json.RawMessage) string {
		var l struct{ Instance string }
		json.Unmarshal(m, &l)
		return l.Instance
	}
	slices.SortFunc(list, func(a, b json.RawMessage) int { return strings.Compare(name(a), name(b)) })
	sorted, err := json.Marshal(list)
	if err != nil {
		return text
	}
	return string(sorted)
}

func flat(prefix string, tree map[string]any) map[string]string {
	all := map[string]string{}
	for k, v := range tree {
		if below, ok := v.(map[string]any); ok {
			maps.Copy(all, flat(prefix+k+".", below))
		} else {
			all[prefix+k] = fmt.Sprint(v)
		}
	}
	return all
}

// varying are names and times that differ from run to run: what is found first
// has the first name.
var varying = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\bdefault-[a-z0-9]{4}-\d+\b`), "default-k3vn-%d"},
	{regexp.MustCompile(`\bdefault\.[a-z0-9]{10}\b`), "default.pyrx7uqqy%d"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`), "2026-01-01T12:00:00Z"},
}

func settled(text string) string {
	for _, v := range varying {
		found := map[string]string{}
		text = v.pattern.ReplaceAllStringFunc(text, func(one string) string {
			if found[one] == "" {
				found[one] = v.with
				if strings.Contains(v.with, "%d") {
					found[one] = fmt.Sprintf(v.with, len(found))
				}
			}
			return found[one]
		})
	}
	return text
}

const sessionHead = `# A session with the charm

<!-- Written by: go test ./world -run Session -update, in tests/juju -->

This is what units and actions said in a test: the packed charm, run by Juju's own unit agent and hook tools, with a
controller in memory in place of Juju's; the real daemon and containers of a real LXD. No Juju controller was there: the
commands of "juju" stand for what the test did to the model. Names and ids are those of one run.
`

func (s *session) compare() {
	s.t.Helper()
	path := filepath.Join(programs.Tree(), "docs", "reference", "charm-session.md")
	text := sessionHead + settled(s.page.String())
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if string(want) != text {
		s.t.Errorf("the session is no longer as %s shows it; look at it, and if it is right: go test ./world -run Session -update\n%s", path, text)
	}
}

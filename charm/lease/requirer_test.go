package lease_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// bench has hook tools that say what is in files of theirs, and note what they
// are told.
type bench struct {
	*testing.T
	dir string
	lease.Requirer
}

// hookTool is the script that stands for every tool. What it says is in the file
// that is named after it and its arguments; without one it fails as Juju's do.
const hookTool = `#!/bin/sh
dir=${0%/*}
name=${0##*/}
case $name in
relation-set) cat >"$dir/said/$2" && exit;;
esac
for arg; do case $arg in --format=json | -r | - | --refresh) ;; *) name=$name.$(printf %s "$arg" | tr /: __);; esac; done
cat "$dir/answers/$name" 2>/dev/null || { echo "ERROR permission denied" >&2; exit 1; }
`

func newBench(t *testing.T, relations ...string) *bench {
	t.Helper()
	b := &bench{t, t.TempDir(), lease.Requirer{Endpoint: "pool", Unit: "web/0"}}
	for _, sub := range []string{"answers", "said"} {
		if err := os.Mkdir(filepath.Join(b.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"relation-ids", "relation-list", "relation-get", "relation-set", "secret-get"} {
		if err := os.WriteFile(filepath.Join(b.dir, tool), []byte(hookTool), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", b.dir+":"+os.Getenv("PATH"))
	b.answer("relation-ids.pool", relations)
	return b
}

// answer has a tool say something.
func (b *bench) answer(tool string, value any) {
	b.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "answers", strings.NewReplacer("/", "_", ":", "_").Replace(tool)), text, 0o600); err != nil {
		b.Fatal(err)
	}
}

// provide has units of lxd-pool say something in a relation.
func (b *bench) provide(relation string, answers map[string]lease.Answer) {
	b.Helper()
	var units []string
	for unit, a := range answers {
		bag, err := a.Bag()
		if err != nil {
			b.Fatal(err)
		}
		units = append(units, unit)
		b.answer("relation-get."+relation+"."+unit, bag)
	}
	b.answer("relation-list."+relation, units)
}

func (b *bench) said(relation string) string {
	text, err := os.ReadFile(filepath.Join(b.dir, "said", relation))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.Fatal(err)
	}
	return string(text)
}

func TestAUnitAsksInEveryRelationOrInNone(t *testing.T) {
	b := newBench(t, "pool:1", "pool:2")
	if err := b.Ask(t.Context(), lease.Request{ID: "web", Count: 2}); err != nil {
		t.Fatal(err)
	}
	for _, relation := range []string{"pool:1", "pool:2"} {
		if got, want := b.said(relation), `{"requests":"[{\"id\":\"web\",\"count\":2}]"}`; got != want {
			t.Errorf("in %s it says %s", relation, got)
		}
	}
	if err := b.Ask(t.Context(), lease.Request{ID: "a"}, lease.Request{ID: "No"}); !errors.Is(err, pool.ErrInvalid) {
		t.Errorf("a wrong request: %v", err)
	}
	if !strings.Contains(b.said("pool:1"), "web") {
		t.Error("a wrong request has taken back what was asked for")
	}
	if err := b.Ask(t.Context()); err != nil || b.said("pool:2") != `{"requests":""}` {
		t.Errorf("taken back with %s, %v", b.said("pool:2"), err)
	}
}

func TestAUnitGetsTheUnionOfWhatAllUnitsSayToIt(t *testing.T) {
	b := newBench(t, "pool:1", "pool:2")
	one := func(unit, id string) lease.Lease {
		return lease.Lease{Unit: unit, Request: "web", ID: pool.LeaseID(id), Secret: "secret:" + strings.ReplaceAll(id, ".", "")}
	}
	apiOf := func(n int) *lease.API { return &lease.API{URL: fmt.Sprintf("https://10.0.0.%d:8443", n)} }
	b.provide("pool:1", map[string]lease.Answer{
		"lxd-pool/10": {API: apiOf(10), Leases: []lease.Lease{one("web/0", "ci.ten")}},
		"lxd-pool/9": {API: apiOf(9), Leases: []lease.Lease{one("web/1", "ci.other"), one("web/0", "ci.nine"), one("web/0", "ci.unreadable")},
			Problems: []lease.Problem{{Unit: "web/1", Code: "limit"}, {Unit: "web/0", Code: "exhausted"}}},
	})
	b.provide("pool:2", map[string]lease.Answer{
		"more/0": {Leases: []lease.Lease{one("web/0", "ci.early")}}, // its api is not known yet
		"more/1": {API: apiOf(1), Leases: []lease.Lease{one("web/0", "ci.more")}},
	})
	for _, id := range []string{"ten", "nine", "other", "early", "more"} {
		b.answer("secret-get.secret:ci"+id, map[string]string{lease.TokenKey: "lpt_" + id})
	}
	granted, problems, err := b.Granted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range granted {
		got = append(got, fmt.Sprintf("%s %s %s %s %s", g.Relation, g.Provider, g.ID, g.Token, g.API.URL))
	}
	want := []string{
		"pool:1 lxd-pool/9 ci.nine lpt_nine https://10.0.0.9:8443",
		"pool:1 lxd-pool/10 ci.ten lpt_ten https://10.0.0.10:8443",
		"pool:2 more/1 ci.more lpt_more https://10.0.0.1:8443",
	}
	if !slices.Equal(got, want) {
		t.Errorf("granted are\n%s", strings.Join(got, "\n"))
	}
	if len(problems) != 1 || problems[0].Code != "exhausted" {
		t.Errorf("the problems are %+v", problems)
	}
}

func TestAnAnswerThatCannotBeReadNamesWhoGaveIt(t *testing.T) {
	b := newBench(t, "pool:1")
	b.answer("relation-list.pool:1", []string{"lxd-pool/0"})
	b.answer("relation-get.pool:1.lxd-pool/0", map[string]string{"leases": "{"})
	if _, _, err := b.Granted(t.Context()); err == nil || !strings.Contains(err.Error(), "lxd-pool/0") || !strings.Contains(err.Error(), "leases") {
		t.Errorf("the error is %v", err)
	}
	b.answer("relation-ids.pool", []string{"pool:7"})
	_, _, err := b.Granted(t.Context())
	if failed, ok := errors.AsType[*hooktool.Error](err); !ok || failed.Tool != "relation-list" || failed.Said != "permission denied" {
		t.Errorf("the error is %v", err)
	}
}

func TestAWayInBySSHIsNamedAsSSHNamesIt(t *testing.T) {
	keys := []lease.HostKey{{Key: "ssh-ed25519 AAAA"}, {Key: "ssh-rsa BBBB root@x"}}
	for want, way := range map[string]*lease.SSH{
		"": nil,
		"10.0.0.2 ssh-ed25519 AAAA\n10.0.0.2 ssh-rsa BBBB root@x\n":             {Address: "10.0.0.2", Port: 22, HostKeys: keys},
		"[fd42::2]:2222 ssh-ed25519 AAAA\n[fd42::2]:2222 ssh-rsa BBBB root@x\n": {Address: "fd42::2", Port: 2222, HostKeys: keys},
	} {
		if got := way.KnownHosts(); got != want {
			t.Errorf("%+v is %q", way, got)
		}
	}
}

package observability

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// promtool is Prometheus's own checker of rules. Without it a test is skipped,
// with CI set it fails.
func promtool(t *testing.T) string {
	t.Helper()
	get := exec.Command("../../tests/lib/promtool")
	get.Stderr = &strings.Builder{}
	path, err := get.Output()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the rules are not checked: %v: %s", err, get.Stderr)
		}
		t.Skipf("NOT CHECKED: %v: %s", err, get.Stderr)
	}
	return strings.TrimSpace(string(path))
}

// well is a pool that is full and grants all the time: every minute of an hour.
var well = map[string]string{
	`up`:                                         `1x60`,
	`lxd_pool_waiting`:                           `0x60`,
	`lxd_pool_instances{state="creating"}`:       `0x60`,
	`lxd_pool_instances{state="spare"}`:          `0x60`,
	`lxd_pool_instances{state="starting"}`:       `1x60`,
	`lxd_pool_instances{state="ready"}`:          `3x60`,
	`lxd_pool_instances{state="leased"}`:         `5x60`,
	`lxd_pool_instances{state="resetting"}`:      `0x60`,
	`lxd_pool_instances{state="deleting"}`:       `1x60`,
	`lxd_pool_hits_total`:                        `0+3x60`,
	`lxd_pool_misses_total`:                      `4x60`,
	`lxd_pool_journal_reopened_total`:            `0x60`,
	`lxd_pool_leaked_instances_total`:            `0x60`,
	`lxd_pool_failures_total{verb="create"}`:     `1x60`,
	`lxd_pool_failures_total{verb="delete"}`:     `1x60`,
	`lxd_pool_refused_total{code="exhausted"}`:   `0+1x60`,
	`lxd_pool_refused_total{code="unavailable"}`: `7x60`,
}

// troubles is what is different from a pool that is well, and which alerts fire
// after the hour.
var troubles = []struct {
	name   string
	differ map[string]string
	fire   []string
}{
	{"all is well", nil, nil},
	{"the daemon is down", map[string]string{`up`: `1x50 0x9`}, []string{"LXDPoolDown"}},
	{"the daemon was down for a moment", map[string]string{`up`: `1x56 0x3`}, nil},
	{"LXD is away", map[string]string{`lxd_pool_refused_total{code="unavailable"}`: `7x54 8x5`}, []string{"LXDPoolUnavailable"}},
	{"LXD is away for the first time", map[string]string{`lxd_pool_refused_total{code="unavailable"}`: `_x54 1x5`}, []string{"LXDPoolUnavailable"}},
	{"the journal was not written", map[string]string{`lxd_pool_journal_reopened_total`: `0x54 1x5`}, []string{"LXDPoolJournalNotWritten"}},
	{"one creation has failed", map[string]string{`lxd_pool_failures_total{verb="create"}`: `1x54 2x5`}, nil},
	{"creation goes on failing", map[string]string{`lxd_pool_failures_total{verb="create"}`: `1x44 1+1x15`}, []string{"LXDPoolCreationFails"}},
	{"starts go on failing", map[string]string{`lxd_pool_failures_total{verb="start"}`: `_x30 1+1x30`}, []string{"LXDPoolCreationFails"}},
	{"ready ones break", map[string]string{`lxd_pool_failures_total{verb="check"}`: `1x30 1+1x29`}, []string{"LXDPoolInstancesBreak"}},
	{"resets fail", map[string]string{`lxd_pool_failures_total{verb="reset"}`: `1x30 1+1x29`}, []string{"LXDPoolCleaningFails"}},
	{"instances cannot be deleted", map[string]string{`lxd_pool_failures_total{verb="delete"}`: `1x30 1+1x29`}, []string{"LXDPoolInstancesWedged"}},
	{"they could not be deleted, but are gone", map[string]string{
		`lxd_pool_failures_total{verb="delete"}`: `1x30 1+1x29`,
		`lxd_pool_instances{state="deleting"}`:   `1x54 0x5`,
	}, nil},
	{"requests wait", map[string]string{`lxd_pool_waiting`: `0x44 2x15`}, []string{"LXDPoolWaitingLong"}},
	{"requests have waited for a moment", map[string]string{`lxd_pool_waiting`: `0x54 2x5`}, nil},
	{"everything is leased, and requests wait", map[string]string{
		`lxd_pool_waiting`:                     `0x52 2x7`,
		`lxd_pool_instances{state="starting"}`: `0x60`,
		`lxd_pool_instances{state="ready"}`:    `0x60`,
		`lxd_pool_instances{state="deleting"}`: `0x60`,
	}, []string{"LXDPoolFull"}},
	{"everything is leased, and nobody minds", map[string]string{
		`lxd_pool_instances{state="starting"}`: `0x60`,
		`lxd_pool_instances{state="ready"}`:    `0x60`,
		`lxd_pool_instances{state="deleting"}`: `0x60`,
	}, nil},
	{"nothing is ready, and requests wait for it", map[string]string{
		`lxd_pool_instances{state="ready"}`: `0x60`,
		`lxd_pool_misses_total`:             `0+1x60`,
	}, []string{"LXDPoolNothingReady"}},
	{"nothing is ready, as the owner wants", map[string]string{`lxd_pool_instances{state="ready"}`: `0x60`}, nil},
	{"something leaked", map[string]string{`lxd_pool_leaked_instances_total`: `0x40 1x19`}, []string{"LXDPoolLeaked"}},
}

const (
	ours   = `juju_model="ci",juju_application="lxd-pool"`
	theirs = `juju_model="ci",juju_application="other"`
)

func TestAlertsFireWhenTheyHaveToAndOnlyThen(t *testing.T) {
	var tests []any
	fired := map[string]bool{}
	for _, trouble := range troubles {
		troubled := maps.Clone(well)
		maps.Copy(troubled, trouble.differ)
		tests = append(tests,
			after(trouble.name, trouble.fire, series(troubled, ours), series(well, theirs)),
			after(trouble.name+", at another application", nil, series(well, ours), series(troubled, theirs)))
		for _, alert := range trouble.fire {
			fired[alert] = true
		}
	}
	for _, r := range rules(t) {
		if !fired[r.Alert] {
			t.Errorf("%s never fires here", r.Alert)
		}
	}
	checkRules(t, strings.ReplaceAll(string(Alerts), Topology, ours), tests)
}

// The head of the file says how to use it where there is no Juju.
func TestAlertsFireWithoutJujuToo(t *testing.T) {
	var tests []any
	for _, trouble := range troubles {
		troubled := maps.Clone(well)
		maps.Copy(troubled, trouble.differ)
		tests = append(tests, after(trouble.name, trouble.fire, series(troubled, "")))
	}
	checkRules(t, strings.NewReplacer(Topology+", ", "", Topology, "").Replace(string(Alerts)), tests)
}

// after is a test for promtool: these alerts fire after an hour of these series.
func after(name string, fire []string, all ...[]any) any {
	samples := []any{}
	for _, alert := range fire {
		samples = append(samples, map[string]any{"labels": fmt.Sprintf("{alertname=%q}", alert), "value": 1})
	}
	return map[string]any{
		"name": name, "interval": "1m", "input_series": slices.Concat(all...),
		"promql_expr_test": []any{map[string]any{
			"expr": `count by (alertname) (ALERTS{alertstate="firing"})`, "eval_time": "60m", "exp_samples": samples,
		}},
	}
}

// series gives every series the labels of where it was scraped, and these.
func series(values map[string]string, labels string) []any {
	var list []any
	for _, name := range slices.Sorted(maps.Keys(values)) {
		metric, own, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		all := []string{`instance="a:9418"`, `job="lxd-pool"`}
		for _, more := range []string{own, labels} {
			if more != "" {
				all = append(all, more)
			}
		}
		if metric != "up" {
			all = append(all, `pool="default"`)
		}
		list = append(list, map[string]string{
			"series": metric + "{" + strings.Join(all, ",") + "}", "values": values[name],
		})
	}
	return list
}

// checkRules has Prometheus check the form of rules, and run tests on them.
func checkRules(t *testing.T, rules string, tests []any) {
	t.Helper()
	dir, tool := t.TempDir(), promtool(t)
	text, err := yaml.Marshal(map[string]any{
		"rule_files": []string{"rules.yaml"}, "evaluation_interval": "1m", "tests": tests,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"rules.yaml": rules, "tests.yaml": string(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "tests.yaml"}} {
		run := exec.Command(tool, args...)
		run.Dir = dir
		if said, err := run.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, said)
		}
	}
}

package observability

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const reference = "../../docs/reference/"

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(reference + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(Alerts))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) != 1 || file.Groups[0].Name == "" || len(file.Groups[0].Rules) == 0 {
		t.Fatalf("the groups are %v", file.Groups)
	}
	return file.Groups[0].Rules
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ Type, UID string }
	Targets     []struct {
		Expr       string
		Datasource struct{ Type, UID string }
	}
}

type dashboard struct {
	UID, Title string
	Tags       []string
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(Dashboard, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// expressions is every expression of both files.
func expressions(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, r := range rules(t) {
		all = append(all, r.Expr)
	}
	d := readDashboard(t)
	for _, v := range d.Templating.List {
		all = append(all, v.Definition)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

var (
	metricName = regexp.MustCompile(`lxd_pool_[a-z_]+`)
	metricRow  = regexp.MustCompile("(?m)^\\| `(lxd_pool_[a-z_]+)` \\| ([a-z]+) \\|")
	labelValue = regexp.MustCompile(`\b(state|code|verb|cause|reason)(=|!=|=~|!~)"([^"$]+)"`)
)

func TestTheMetricsAreThoseOfTheReferenceAndAllOfThem(t *testing.T) {
	types, used := map[string]string{}, map[string]bool{}
	for _, row := range metricRow.FindAllStringSubmatch(page(t, "metrics.md"), -1) {
		types[row[1]] = row[2]
	}
	for _, expr := range expressions(t) {
		for _, name := range metricName.FindAllString(expr, -1) {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if cut := strings.TrimSuffix(name, suffix); types[cut] == "histogram" {
					base = cut
				}
			}
			if types[base] == "" || base == name && types[base] == "histogram" {
				t.Errorf("there is no metric %s, in %s", name, expr)
			}
			used[base] = true
		}
	}
	for name := range types {
		if !used[name] {
			t.Errorf("%s is in no alert and no panel", name)
		}
	}
}

func TestTheValuesOfLabelsAreThoseOfTheReference(t *testing.T) {
	text := page(t, "metrics.md") + page(t, "states.md") + page(t, "api.md")
	n := 0
	for _, expr := range expressions(t) {
		for _, found := range labelValue.FindAllStringSubmatch(expr, -1) {
			for value := range strings.SplitSeq(found[3], "|") {
				n++
				if !strings.Contains(text, "`"+value+"`") {
					t.Errorf("no %s is called %s, in %s", found[1], value, expr)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no values were found")
	}
}

var (
	selector = regexp.MustCompile(`\b(lxd_pool_[a-z_]+|up)\b`)
	scoped   = regexp.MustCompile(`\b(lxd_pool_[a-z_]+|up)\{` + Topology + `(, |\})`)
)

// What is not scoped would tell one application of another's trouble.
func TestEveryAlertIsAboutOneApplicationAndSaysWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rules(t) {
		if seen[r.Alert] || !strings.HasPrefix(r.Alert, "LXDPool") {
			t.Errorf("%q is no name for an alert, or there are two", r.Alert)
		}
		seen[r.Alert] = true
		if all, good := selector.FindAllString(r.Expr, -1), scoped.FindAllString(r.Expr, -1); len(all) == 0 || len(all) != len(good) {
			t.Errorf("%s: not everything is scoped: %s", r.Alert, r.Expr)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: severity is %q", r.Alert, r.Labels["severity"])
		}
		if r.For != "" {
			if _, err := time.ParseDuration(r.For); err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
		}
		if r.Annotations["summary"] == "" || len(r.Annotations["description"]) < 60 {
			t.Errorf("%s does not say what to do: %v", r.Alert, r.Annotations)
		}
	}
}

func TestTheDashboardIsOneThatTheCharmCanHandOut(t *testing.T) {
	d := readDashboard(t)
	if d.UID != "lxd-pool" || d.Title == "" || !slices.Contains(d.Tags, "charm: lxd-pool") {
		t.Errorf("it has uid %q, title %q, tags %q", d.UID, d.Title, d.Tags)
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables["$"+v.Name] = true
	}
	const source = "${prometheusds}"
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q has no number of its own, no words or nothing to show", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			if p.Datasource.UID != source || target.Datasource.UID != source {
				t.Errorf("panel %q does not ask the chosen Prometheus", p.Title)
			}
			for _, name := range regexp.MustCompile(`\$[a-z]\w*`).FindAllString(target.Expr, -1) {
				if !variables[name] {
					t.Errorf("panel %q uses %s, which there is not", p.Title, name)
				}
			}
		}
	}
	if len(ids) == 0 {
		t.Error("there are no panels")
	}
}

func TestNoPanelLiesOnAnother(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		g := p.GridPos
		if g.X < 0 || g.X+g.W > 24 || g.W < 1 || g.H < 1 {
			t.Errorf("panel %q is at %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok && other != p.Title {
					t.Fatalf("panel %q lies on %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// rows returns the rows of the tables below a heading of a page, as cells.
func rows(t *testing.T, path, heading string) [][]string {
	t.Helper()
	var list [][]string
	inside := false
	for _, l := range readPage(t, path).lines {
		if l.code {
			continue
		}
		if strings.HasPrefix(l.text, "#") {
			inside = strings.TrimLeft(l.text, "# ") == heading
		}
		if !inside || !strings.HasPrefix(l.text, "|") || strings.HasPrefix(l.text, "|--") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(l.text, `\|`, "\x00"), "|")
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "\x00", "|")
		}
		list = append(list, cells[1:len(cells)-1])
	}
	if len(list) < 2 {
		t.Fatalf("%s has no table below %q", path, heading)
	}
	return list[1:]
}

// codes returns what is set as code in the first cells of rows; a cell may have several.
func codes(rows [][]string) []string {
	var list []string
	for _, row := range rows {
		for _, span := range inlinePattern.FindAllStringSubmatch(row[0], -1) {
			list = append(list, span[1])
		}
	}
	return list
}

// same reports what one list has and the other lacks.
func same(t *testing.T, what string, documented, real []string) {
	t.Helper()
	for _, name := range real {
		if !slices.Contains(documented, name) {
			t.Errorf("%s %s is missing", what, name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(real, name) {
			t.Errorf("there is no %s %s", what, name)
		}
	}
}

func TestThePageOfTheSpecHasEveryKey(t *testing.T) {
	table := rows(t, "../docs/reference/spec.md", "Keys")
	real := []string{"config.KEY", "device.NAME"}
	for _, key := range pool.SpecKeys {
		real = append(real, key.Name)
		at := slices.IndexFunc(table, func(row []string) bool { return row[0] == "`"+key.Name+"`" })
		if at < 0 {
			continue // told below
		}
		if value := "`" + key.Value + "`"; table[at][1] != value {
			t.Errorf("the value of %s is %s, not %s", key.Name, value, table[at][1])
		}
		if def := key.Default; table[at][2] != def && (def != "" || table[at][2] != "none") {
			t.Errorf("the default of %s is %q, not %q", key.Name, def, table[at][2])
		}
	}
	same(t, "key", codes(table), real)
}

func TestThePageOfTheAPIHasEveryRoute(t *testing.T) {
	table := map[string][]string{}
	var documented, real []string
	for _, row := range rows(t, "../docs/reference/api.md", "Routes") {
		name := row[0] + " " + strings.Trim(row[1], "`")
		documented, table[name] = append(documented, name), row
	}
	for _, r := range api.Routes {
		name := r.Method + " " + r.Path
		real = append(real, name)
		row := table[name]
		if row == nil {
			continue // told below
		}
		if row[2] != string(r.Access) {
			t.Errorf("%s is for %s, not %s", name, r.Access, row[2])
		}
		for _, param := range r.Query {
			if !strings.Contains(row[3], "?"+param.Name+"=") {
				t.Errorf("%s takes %q, which is not said", name, param.Name)
			}
		}
	}
	same(t, "route", documented, real)
}

func TestThePageOfTheAPIHasEveryError(t *testing.T) {
	table := rows(t, "../docs/reference/api.md", "Errors")
	same(t, "code", codes(table), pool.Codes())
	source := readFile(t, "../pool/errors.go")
	for _, row := range table {
		code := strings.Trim(row[0], "`")
		if status := strconv.Itoa(api.StatusOf(pool.KindOf(code))); row[1] != status {
			t.Errorf("the status of %s is %s, not %s", code, status, row[1])
		}
		name := strings.TrimPrefix(strings.Trim(row[3], "`"), "pool.")
		if !strings.Contains(source, fmt.Sprintf("{%s, %q}", name, code)) {
			t.Errorf("the error of %s is not %s", code, name)
		}
	}
}

func TestThePageOfStatesHasEveryEdge(t *testing.T) {
	table := rows(t, "../docs/reference/states.md", "States of an instance")
	var real []string
	for _, state := range pool.States {
		real = append(real, state.String())
	}
	same(t, "state", codes(table), real)
	for i, from := range pool.States {
		var next []string
		for _, to := range pool.States {
			if pool.CanMove(from, to) {
				next = append(next, "`"+to.String()+"`")
			}
		}
		if want := strings.Join(next, ", "); table[i][2] != want && (want != "" || table[i][2] != "gone") {
			t.Errorf("from %s an instance goes to %s, not %s", from, want, table[i][2])
		}
	}
}

func TestThePageOfStatesHasEveryWord(t *testing.T) {
	const path = "../docs/reference/states.md"
	for heading, kind := range map[string]string{
		"Reasons why an instance goes": "Reason", "Causes of the end of a lease": "Cause", "Events": "EventType",
	} {
		same(t, kind, codes(rows(t, path, heading)), constants(t, kind))
	}
	same(t, "problem", codes(rows(t, path, "Problems")), problemCodes(t))
}

func TestThePageOfPromisesHasEveryMutant(t *testing.T) {
	same(t, "mutant", codes(rows(t, "../docs/explanation/promises.md", "Promises")), constants(t, "mutant"))
}

// constants returns the values of the constants of a type of package pool.
func constants(t *testing.T, kind string) []string {
	t.Helper()
	var list []string
	for _, path := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			of, isNamed := spec.Type.(*ast.Ident)
			value, isText := spec.Values[0].(*ast.BasicLit)
			if isNamed && isText && of.Name == kind {
				text, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, text)
			}
			return true
		})
	}
	if len(list) == 0 {
		t.Fatalf("package pool has no constants of type %s", kind)
	}
	return list
}

var problemPattern = regexp.MustCompile(`(?:Code: |add\()"([a-z-]+)"`)

// problemCodes are the codes of problems in package pool.
func problemCodes(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, path := range sources(t) {
		for _, found := range problemPattern.FindAllStringSubmatch(readFile(t, path), -1) {
			list = append(list, found[1])
		}
	}
	return list
}

func sources(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../pool/*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, "_test.go") })
}

var metricPattern = regexp.MustCompile(`fqName: "([a-z_]+)"`)

func TestThePageOfMetricsHasEveryMetric(t *testing.T) {
	m, err := pool.NewManager(t.Context(), pool.Options{Backend: simbackend.New(simbackend.Options{}), Store: memstore.New("docs")})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	descs := make(chan *prometheus.Desc, 100)
	server.NewCollector(m).Describe(descs)
	close(descs)
	var real []string
	for d := range descs {
		real = append(real, metricPattern.FindStringSubmatch(d.String())[1])
	}
	same(t, "metric", codes(rows(t, "../docs/reference/metrics.md", "Reference: metrics")), real)
}

var requirePattern = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)

func TestThePageOfDependenciesHasEveryDirectOne(t *testing.T) {
	var real []string
	for _, found := range requirePattern.FindAllStringSubmatch(readFile(t, "../go.mod"), -1) {
		real = append(real, found[1])
	}
	var documented []string
	for _, row := range rows(t, "../docs/dependencies.md", "Dependencies") {
		documented = append(documented, strings.Trim(row[0], "`"))
	}
	same(t, "dependency", documented, real)
}

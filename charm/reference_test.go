package charm_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the tables of "+referencePage)

const referencePage = "../docs/reference/charm.md"

// ordered is a map of YAML in the order of its file.
type ordered[T any] []named[T]

type named[T any] struct {
	name string
	is   T
}

func (o *ordered[T]) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		each := named[T]{name: n.Content[i].Value}
		if err := n.Content[i+1].Decode(&each.is); err != nil {
			return err
		}
		*o = append(*o, each)
	}
	return nil
}

// described is what the reference tells of the project file.
type described struct {
	Provides, Requires, Peers ordered[endpoint]
	Resources                 ordered[struct{ Type, Filename, Description string }]
	Config                    struct {
		Options ordered[struct {
			Type, Description string
			Default           yaml.Node
		}]
	}
	Actions ordered[action]
}

type endpoint struct {
	Interface, Description string
	Limit                  int
}

type action struct {
	Description string
	Required    []string
	OneOf       []struct{ Required []string } `yaml:"oneOf"`
	Params      ordered[parameter]
}

type parameter struct {
	Type, Description string
	Enum              []string
	Default           yaml.Node
}

func TestTheReferenceIsWhatTheProjectFileSays(t *testing.T) {
	text, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	var d described
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	page := read(t, referencePage)
	for name, table := range map[string]string{"options": d.options(), "actions": d.actions(), "endpoints": d.endpoints(), "resources": d.resources()} {
		from, to := fmt.Sprintf("<!-- made of charmcraft.yaml: %s -->\n", name), fmt.Sprintf("<!-- end of %s -->\n", name)
		before, rest, ok := strings.Cut(page, from)
		is, after, ends := strings.Cut(rest, to)
		if !ok || !ends {
			t.Fatalf("%s has no place for the %s", referencePage, name)
		}
		if is != "\n"+table+"\n" && !*update {
			t.Errorf("%s has other %s than %s; run \"go test ./charm -run Reference -update\"", referencePage, name, projectFile)
		}
		page = before + from + "\n" + table + "\n" + to + after
	}
	if !*update {
		return
	}
	if err := os.WriteFile(referencePage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (d described) options() string {
	rows := [][]string{{"option", "type", "default", "what it is"}}
	examples := ""
	for _, o := range d.Config.Options {
		prose, example := split(o.is.Description)
		rows = append(rows, []string{code(o.name), o.is.Type, code(o.is.Default.Value), prose})
		if example != "" {
			examples += fmt.Sprintf("\nThe value of %s, for example:\n\n```yaml\n%s```\n", code(o.name), example)
		}
	}
	return table(rows) + examples
}

func (d described) endpoints() string {
	rows := [][]string{{"endpoint", "role", "interface", "relations", "what for"}}
	for _, side := range []struct {
		role string
		of   ordered[endpoint]
	}{{"provides", d.Provides}, {"requires", d.Requires}, {"peers", d.Peers}} {
		for _, e := range side.of {
			limit := "any number"
			if e.is.Limit > 0 {
				limit = fmt.Sprintf("at most %d", e.is.Limit)
			}
			prose, _ := split(e.is.Description)
			rows = append(rows, []string{code(e.name), side.role, code(e.is.Interface), limit, prose})
		}
	}
	return table(rows)
}

func (d described) resources() string {
	rows := [][]string{{"resource", "type", "file", "what it is"}}
	for _, r := range d.Resources {
		prose, _ := split(r.is.Description)
		rows = append(rows, []string{code(r.name), r.is.Type, code(r.is.Filename), prose})
	}
	return table(rows)
}

func (d described) actions() string {
	var sections []string
	for _, a := range d.Actions {
		prose, _ := split(a.is.Description)
		section := fmt.Sprintf("### %s\n\n%s\n", a.name, prose)
		if len(a.is.Params) > 0 {
			section += "\n" + a.is.table()
		}
		sections = append(sections, section)
	}
	return strings.Join(sections, "\n")
}

func (a action) table() string {
	rows := [][]string{{"parameter", "type", "default", "what it is"}}
	for _, p := range a.Params {
		prose, _ := split(p.is.Description)
		if len(p.is.Enum) > 0 {
			prose += " Values: " + strings.Join(p.is.Enum, ", ") + "."
		}
		def := code(p.is.Default.Value)
		switch {
		case slices.Contains(a.Required, p.name):
			def = "has to be given"
		case slices.ContainsFunc(a.OneOf, func(one struct{ Required []string }) bool { return slices.Contains(one.Required, p.name) }):
			def = "one of these has to be given"
		}
		rows = append(rows, []string{code(p.name), p.is.Type, def, prose})
	}
	return table(rows)
}

// split returns the prose of a description as one line, and what is indented in it.
func split(description string) (prose, example string) {
	var words []string
	for line := range strings.Lines(description) {
		if inner, ok := strings.CutPrefix(line, "    "); ok {
			example += inner
			continue
		}
		words = append(words, strings.Fields(line)...)
	}
	return strings.Join(words, " "), example
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

// table is a table of Markdown; the first row is its heading.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		for j, cell := range row {
			row[j] = strings.ReplaceAll(cell, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}

// Whatever a unit says of itself is in the reference, with what ends it.
func TestTheReferenceHasEveryStatus(t *testing.T) {
	cells := firstCells(read(t, referencePage), "Statuses")
	found := 0
	inspect(t, func(n ast.Node) {
		for _, text := range messages(n) {
			found++
			if !slices.ContainsFunc(cells, meant(text).MatchString) {
				t.Errorf("%s does not tell of the status %q", referencePage, text)
			}
		}
	})
	if found < 15 {
		t.Errorf("only %d messages were found", found)
	}
}

var verb = regexp.MustCompile(`%[sdqv]`)

// meant matches what stands for a message in the reference, which has other words
// for what differs.
func meant(message string) *regexp.Regexp {
	parts := verb.Split(strings.TrimSpace(message), -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(strings.Join(parts, ".*"))
}

// messages are those that n makes a status with, as far as they are texts.
func messages(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if name := last(n.Type); name == "Blocked" || name == "Pending" {
			return texts(value(n, "Why"), 1)
		}
	case *ast.CallExpr:
		if last(n.Fun) == "SetStatus" && len(n.Args) == 3 {
			return texts(n.Args[2], 1)
		}
	case *ast.FuncDecl:
		if n.Name.Name == "summary" {
			return texts(n.Body, 10)
		}
	}
	return nil
}

// value is that of a field of a literal, nil when it is not set there.
func value(lit *ast.CompositeLit, field string) ast.Node {
	for _, e := range lit.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok && last(pair.Key) == field {
			return pair.Value
		}
	}
	return nil
}

// last is the last word of a name.
func last(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// texts are the first texts in n that are not empty, as many as most.
func texts(n ast.Node, most int) []string {
	var list []string
	if n == nil {
		return nil
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(list) < most {
			if s, err := strconv.Unquote(lit.Value); err == nil && s != "" {
				list = append(list, s)
			}
		}
		return true
	})
	return list
}

// What an action finds is in the reference, key by key.
func TestTheReferenceHasEveryResultOfAnAction(t *testing.T) {
	real := map[string]bool{}
	inspect(t, func(n ast.Node) {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || last(lit.Type) != "results" {
			return
		}
		for _, e := range lit.Elts {
			for _, key := range texts(e.(*ast.KeyValueExpr).Key, 1) {
				real[key] = true
			}
		}
	})
	told := map[string]bool{}
	for _, row := range tableBelow(read(t, referencePage), "Results") {
		told[strings.Trim(row[2], "`")] = true
	}
	if want, have := slices.Sorted(maps.Keys(real)), slices.Sorted(maps.Keys(told)); !slices.Equal(want, have) {
		t.Errorf("the results of actions are %v, and the reference has %v", want, have)
	}
}

// inspect shows every node of the sources of the charm and of its machine.
func inspect(t *testing.T, see func(ast.Node)) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("machine/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, more...) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			see(n)
			return true
		})
	}
}

// tableBelow returns the rows of the tables below a heading, but for their
// headings, as cells; the first is what stands before the first bar.
func tableBelow(page, heading string) [][]string {
	_, rest, _ := strings.Cut(page, "\n## "+heading+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var list [][]string
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "| `") {
			cells := strings.Split(line, "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			list = append(list, cells)
		}
	}
	return list
}

func firstCells(page, heading string) []string {
	var list []string
	for _, row := range tableBelow(page, heading) {
		list = append(list, row[1])
	}
	return list
}

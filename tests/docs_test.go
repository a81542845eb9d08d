package tests

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is one page of the docs.
type page struct {
	path  string // from the root of the project
	lines []line
}

// line is a line of a page. Those of a fenced block are code.
type line struct {
	text  string
	code  bool
	block int // counts the blocks of a page, and what is between them
}

// pages reads every page: those of docs and those at the root.
func pages(t *testing.T) []page {
	t.Helper()
	paths, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../docs", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 20 {
		t.Fatalf("only %d pages were found", len(paths))
	}
	all := make([]page, len(paths))
	for i, path := range paths {
		all[i] = readPage(t, path)
	}
	return all
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	p := page{path: strings.TrimPrefix(filepath.ToSlash(path), "../")}
	code, block := false, 0
	for text := range strings.Lines(readFile(t, path)) {
		text = strings.TrimRight(text, "\n")
		if strings.HasPrefix(strings.TrimSpace(text), "```") {
			code = !code
			block++
			continue
		}
		p.lines = append(p.lines, line{text, code, block})
	}
	if code {
		t.Errorf("%s: a block of code does not end", p.path)
	}
	return p
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	links := 0
	for _, p := range pages(t) {
		for _, l := range p.lines {
			if l.code {
				continue
			}
			for _, found := range linkPattern.FindAllStringSubmatch(l.text, -1) {
				if !strings.Contains(found[1], "://") {
					links++
					follow(t, p, found[1])
				}
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links were found", links)
	}
}

// follow checks a link within the project, and the heading that it names.
func follow(t *testing.T, p page, link string) {
	t.Helper()
	path, anchor, hasAnchor := strings.Cut(link, "#")
	target := filepath.Join("..", p.path)
	if path != "" {
		target = filepath.Join(filepath.Dir(target), path)
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s: the link %s leads nowhere", p.path, link)
		return
	}
	if hasAnchor && !slices.Contains(anchors(readPage(t, target)), anchor) {
		t.Errorf("%s: the link %s names no heading of its page", p.path, link)
	}
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchors are those of a page's headings, as GitHub makes them.
func anchors(p page) []string {
	var list []string
	for _, l := range p.lines {
		if heading := strings.TrimLeft(l.text, "#"); !l.code && heading != l.text {
			slug := notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			list = append(list, strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return list
}

var testPattern = regexp.MustCompile(`\bTest[A-Z]\w+`)

func TestTestsNamedInTheDocsExist(t *testing.T) {
	sources, err := exec.Command("git", "grep", "-h", "^func Test", "--", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, l := range p.lines {
			for _, name := range testPattern.FindAllString(l.text, -1) {
				example := name == "TestAReleasedLeaseCannotBeRenewed" // of a good name
				if !example && !strings.Contains(string(sources), "func "+name+"(") {
					t.Errorf("%s: there is no test %s", p.path, name)
				}
			}
		}
	}
}

// The programs in the docs build, and the one in the README is the tested example.
func TestProgramsInTheDocsBuild(t *testing.T) {
	programs := 0
	for _, p := range pages(t) {
		for _, source := range goBlocks(t, p) {
			if !strings.HasPrefix(source, "package main") {
				continue
			}
			programs++
			dir := t.TempDir()
			file := filepath.Join(dir, "main.go")
			if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "program"), file).CombinedOutput(); err != nil {
				t.Errorf("%s: a program does not build: %s", p.path, out)
			}
		}
	}
	if programs < 2 {
		t.Errorf("only %d programs were found", programs)
	}
}

func TestTheLibraryInTheReadmeIsTheTestedExample(t *testing.T) {
	blocks := goBlocks(t, readPage(t, "../README.md"))
	if len(blocks) != 1 {
		t.Fatalf("the README has %d blocks of Go", len(blocks))
	}
	example := readFile(t, "../pool/example_test.go")
	for text := range strings.Lines(blocks[0]) {
		text = strings.TrimSpace(text)
		at := strings.Index(example, text)
		if at < 0 {
			t.Fatalf("the example has not, or not in this order: %s", text)
		}
		example = example[at+len(text):]
	}
}

var goBlockPattern = regexp.MustCompile("(?s)```go\n(.*?)```")

func goBlocks(t *testing.T, p page) []string {
	t.Helper()
	var list []string
	for _, found := range goBlockPattern.FindAllStringSubmatch(readFile(t, filepath.Join("..", p.path)), -1) {
		list = append(list, found[1])
	}
	return list
}

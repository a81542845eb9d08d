package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// buildProgram builds one of the two programs.
func buildProgram(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/"+name).CombinedOutput(); err != nil {
		t.Fatalf("cannot build %s: %s", name, out)
	}
	return program
}

var (
	// promptPattern is where a shell asks: root's "# ", or "$ ", behind a name or not.
	promptPattern = regexp.MustCompile(`^[a-z]*[$#] `)
	// commandPattern finds a command of ours where a shell would run one.
	commandPattern = regexp.MustCompile(`(?:^|[|;&(!] ?|\b[A-Z_]+=\S+ )(lxd-poold?) ([^|;&)>]*)`)
	inlinePattern  = regexp.MustCompile("`([^`]+)`")
)

// command is a command line of ours in the docs.
type command struct {
	where, program string
	words          []string
}

// commandsIn returns the commands in the code of a page. In a block where a
// shell asks, the rest is what commands print.
func commandsIn(p page) []command {
	var list []command
	add := func(code string) {
		for _, found := range commandPattern.FindAllStringSubmatch(strings.TrimSpace(promptPattern.ReplaceAllString(code, "")), -1) {
			list = append(list, command{p.path, found[1], strings.Fields(found[2])})
		}
	}
	asking, prose := map[int]bool{}, map[int]string{}
	for _, l := range p.lines {
		asking[l.block] = asking[l.block] || l.code && promptPattern.MatchString(l.text)
		if !l.code {
			prose[l.block] += l.text + " "
		}
	}
	for _, l := range p.lines {
		if l.code && (!asking[l.block] || promptPattern.MatchString(l.text)) {
			add(l.text)
		}
	}
	for _, text := range prose {
		for _, span := range inlinePattern.FindAllStringSubmatch(text, -1) {
			add(span[1])
		}
	}
	return list
}

// verb returns the verb of a command, "" if it has none but flags, and whether
// it is one at all: LEASE and its like stand for something else, and a sentence
// may begin with the name of the daemon.
func (c command) verb() (string, bool) {
	if len(c.words) == 0 || strings.HasPrefix(c.words[0], "-") {
		return "", true
	}
	return c.words[0], c.program == "lxd-pool" && c.words[0] != strings.ToUpper(c.words[0])
}

// verbOf returns what is done to a noun, the word at a place, "" if key is none
// or it is not said.
func (c command) verbOf(help, key string, at int) string {
	if len(c.words) <= at || !strings.Contains(help, "\n  "+key+" COMMAND ") {
		return ""
	}
	if of := c.words[at]; of == strings.ToLower(of) && !strings.HasPrefix(of, "-") {
		return of
	}
	return ""
}

// Every command in the docs has a verb and flags that there are.
func TestEveryCommandInTheDocsIsOne(t *testing.T) {
	programs := map[string]string{"lxd-pool": buildProgram(t, "lxd-pool"), "lxd-poold": buildProgram(t, "lxd-poold")}
	helps := map[string]string{}
	count := 0
	for _, p := range pages(t) {
		for _, c := range commandsIn(p) {
			verb, ok := c.verb()
			if !ok {
				continue
			}
			count++
			key := strings.TrimSpace(c.program + " " + verb)
			help := func() {
				if _, asked := helps[key]; !asked {
					helps[key] = helpOf(programs[c.program], strings.TrimPrefix(key, c.program))
				}
			}
			help()
			for at := 1; ; at++ {
				of := c.verbOf(helps[key], key, at)
				if of == "" {
					break
				}
				key += " " + of
				help()
			}
			if !strings.Contains(helps[key], "\n  "+key+" ") { // what follows "Usage:"
				t.Errorf("%s: there is no command %q", c.where, key)
				continue
			}
			checkFlags(t, c, helps[key])
		}
	}
	if count < 100 {
		t.Errorf("only %d commands were found", count)
	}
}

func helpOf(program, verb string) string {
	args := append(strings.Fields(verb), "--help")
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

var flagPattern = regexp.MustCompile(`^(--[a-z][a-z-]*|-[a-zA-Z])(=.*)?$`)

func checkFlags(t *testing.T, c command, help string) {
	t.Helper()
	for _, word := range c.words {
		if word == "--" {
			return // what follows is for the instance
		}
		flag := flagPattern.FindStringSubmatch(strings.Trim(word, `"'[]`))
		if flag != nil && !regexp.MustCompile(`(?m)(^|\s)`+flag[1]+`\b`).MatchString(help) {
			t.Errorf("%s: %s %s has no flag %s", c.where, c.program, strings.Join(c.words, " "), flag[1])
		}
	}
}

var makePattern = regexp.MustCompile(`^(?:make) ([a-z]+)`)

func TestEveryTargetOfMakeInTheDocsIsOne(t *testing.T) {
	makefile := readFile(t, "../Makefile")
	for _, p := range pages(t) {
		for _, l := range p.lines {
			if !l.code && !strings.HasPrefix(l.text, "    ") {
				continue
			}
			found := makePattern.FindStringSubmatch(promptPattern.ReplaceAllString(l.text, ""))
			if found != nil && !strings.Contains(makefile, "\n"+found[1]+":") {
				t.Errorf("%s: make has no target %s", p.path, found[1])
			}
		}
	}
}

// The pages of docs/reference/cli are what "make docs" writes.
func TestTheReferenceOfTheCommandsIsTheirHelp(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command(buildProgram(t, "lxd-pool"), "docs", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, have := fileNames(t, dir), fileNames(t, "../docs/reference/cli")
	if !slices.Equal(want, have) {
		t.Fatalf("the pages are %v, and should be %v; run \"make docs\"", have, want)
	}
	for _, name := range want {
		if readFile(t, filepath.Join(dir, name)) != readFile(t, filepath.Join("../docs/reference/cli", name)) {
			t.Errorf("%s is not what the command says; run \"make docs\"", name)
		}
	}
}

func fileNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func TestTheReferenceOfTheDaemonIsItsHelp(t *testing.T) {
	c := exec.Command(buildProgram(t, "lxd-poold"), "--help")
	// The defaults are those of root, whoever runs the test.
	c.Env = []string{"STATE_DIRECTORY=/var/lib/lxd-pool"}
	help, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(readFile(t, "../docs/reference/lxd-poold.md"), "```\n"+string(help)+"```") {
		t.Errorf("docs/reference/lxd-poold.md does not have what lxd-poold --help says:\n%s", help)
	}
}

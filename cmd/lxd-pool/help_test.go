package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyCommand returns all commands, also those of nouns, but for help.
func everyCommand() []*cobra.Command {
	var list []*cobra.Command
	var add func(of *cobra.Command)
	add = func(of *cobra.Command) {
		for _, cmd := range of.Commands() {
			if cmd.Name() != "help" {
				list = append(list, cmd)
				add(cmd)
			}
		}
	}
	add((&cli{}).command())
	return list
}

func TestEveryVerbSaysWhatItDoesAndShowsHow(t *testing.T) {
	for _, cmd := range everyCommand() {
		if cmd.Short == "" || cmd.Example == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short %q, examples %q", cmd.Name(), cmd.Short, cmd.Example)
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: no example uses it:\n%s", cmd.Name(), cmd.Example)
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if len(line) > 100 {
				t.Errorf("%s: a line of %d characters: %s", cmd.Name(), len(line), line)
			}
		}
	}
}

// command finds a use of lxd-pool in a line of shell.
var command = regexp.MustCompile(`lxd-pool ((?:"[^"]*"|[^|<>")&])*)`)

func TestTheExamplesAreCommandLinesThatThereAre(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("install.sh", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, cmd := range append(everyCommand(), (&cli{}).command()) {
		for line := range strings.Lines(cmd.Example) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, match := range command.FindAllStringSubmatch(line, -1) {
				seen++
				if err := parses(words(match[1])); err != nil {
					t.Errorf("%s: %q: %v", cmd.Name(), strings.TrimSpace(line), err)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d examples were found", seen)
	}
}

// parses reads a command line without running it.
func parses(args []string) error {
	found, rest, err := (&cli{in: os.Stdin}).command().Find(args)
	if err != nil {
		return err
	}
	if err := found.ParseFlags(rest); err != nil {
		return err
	}
	return found.ValidateArgs(found.Flags().Args())
}

// words splits a line as a shell does, as far as the examples need it.
func words(line string) []string {
	var list []string
	for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
		list = append(list, strings.Trim(word, `"`))
	}
	return list
}

func TestTheReferenceIsThatOfTheProgram(t *testing.T) {
	made := t.TempDir()
	root := (&cli{}).command()
	root.SetArgs([]string{"docs", made})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	const kept = "../../docs/reference/cli"
	for name, want := range pages(t, made) {
		got, err := os.ReadFile(filepath.Join(kept, name))
		if err != nil || string(got) != want {
			t.Errorf("%s is not that of the program (%v); run: go run ./cmd/lxd-pool docs docs/reference/cli", name, err)
		}
	}
	for name := range pages(t, kept) {
		if _, err := os.Stat(filepath.Join(made, name)); err != nil {
			t.Errorf("%s is of no command: delete it", name)
		}
	}
}

func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	list := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		list[e.Name()] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheHelpHasNoNoise(t *testing.T) {
	for _, cmd := range everyCommand() {
		var text strings.Builder
		cmd.SetOut(&text)
		printHelp(cmd, nil)
		if strings.Contains(text.String(), noise) || !strings.Contains(text.String(), "Usage:\n  "+cmd.CommandPath()) {
			t.Errorf("the help of %s:\n%s", cmd.Name(), text.String())
		}
	}
}

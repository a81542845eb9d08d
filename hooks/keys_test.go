package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the keys into the description of the snap and into its reference")

// Every place that lists the keys says what the table of keys says.
func TestTheKeysAreDescribedAsTheyAre(t *testing.T) {
	for _, place := range []struct {
		path, from, to string
		text           string
	}{
		{"../snap/snapcraft.yaml", "An unset key has its default:\n\n", "\n  \"lxd-pool\" also makes pools", described()},
		{"../docs/reference/snap.md", "| key | value | default | what it is |\n|---|---|---|---|\n", "\n## ", tabled()},
	} {
		file, err := os.ReadFile(place.path)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(file), place.from)
		is, after, ends := strings.Cut(rest, place.to)
		if !ok || !ends {
			t.Fatalf("%s has no list of keys", place.path)
		}
		if is == place.text {
			continue
		}
		if !*update {
			t.Errorf("%s lists other keys; run \"go test ./hooks -update\". It has\n%s, not\n%s", place.path, is, place.text)
			continue
		}
		if err := os.WriteFile(place.path, []byte(before+place.from+place.text+place.to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// all is every key, as it is typed for the default pool and the daemon.
func all() []key { return append(poolKeys(), daemonKeys...) }

func described() string {
	var b strings.Builder
	for _, k := range all() {
		fmt.Fprintf(&b, "  - %s: %s", k.name, k.help)
		if def := k.atTop(); def != "" {
			fmt.Fprintf(&b, " (%s)", def)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func tabled() string {
	var b strings.Builder
	for _, k := range all() {
		def := k.atTop()
		if def != k.def {
			def = strings.TrimSuffix(fmt.Sprintf("%s; in other pools %s", def, k.below()), "; in other pools "+def)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.name, strings.ReplaceAll(k.value, "|", `\|`), def, k.help)
	}
	return b.String()
}

func TestTheHooksOfTheProjectFileAreThoseOfTheProgram(t *testing.T) {
	project := readProject(t)
	for name := range project.Hooks {
		if _, ok := hooks[name]; !ok {
			t.Errorf("snapcraft.yaml has a hook %s that the program does not know", name)
		}
	}
	for name := range hooks {
		if _, ok := project.Hooks[name]; !ok {
			t.Errorf("snapcraft.yaml does not name the hook %s", name)
		}
	}
}

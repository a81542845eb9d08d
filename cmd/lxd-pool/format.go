package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

// The formats of what is printed. Text is for people.
const (
	asText    = "text"
	asTable   = "table"
	asJSON    = "json"
	asYAML    = "yaml"
	asCSV     = "csv"
	asCompact = "compact"
)

// formatFlag gives a command the flag --format with these choices, of which the
// first is the default.
func formatFlag(cmd *cobra.Command, choices ...string) *formatValue {
	f := &formatValue{choices[0], choices}
	cmd.Flags().VarP(f, "format", "f", "what it prints: "+strings.Join(choices, ", "))
	complete(cmd, "format", choices...)
	return f
}

// listFormats are those of what prints a list.
var listFormats = []string{asTable, asJSON, asYAML, asCSV, asCompact}

type formatValue struct {
	name    string
	choices []string
}

func (f *formatValue) Set(name string) error {
	if !slices.Contains(f.choices, name) {
		return fmt.Errorf("use %s", strings.Join(f.choices, ", "))
	}
	f.name = name
	return nil
}

func (f *formatValue) String() string { return f.name }
func (f *formatValue) Type() string   { return "FORMAT" }

// print writes v as JSON or YAML and reports whether that was asked for.
func (f *formatValue) print(w io.Writer, v any) (bool, error) {
	switch f.name {
	case asJSON:
		return true, printJSON(w, v)
	case asYAML:
		text, err := specyaml.Marshal(v)
		if err == nil {
			_, err = w.Write(text)
		}
		return true, err
	}
	return false, nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

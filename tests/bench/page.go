package main

import (
	"fmt"
	"os"
	"strings"
)

// Tables stand between two marks that carry the name of their part.
func markBegin(name string) string { return "<!-- begin " + name + " -->\n" }
func markEnd(name string) string   { return "<!-- end " + name + " -->" }

// rewrite puts each text in its place of a page. On error nothing was written.
func rewrite(path string, texts map[string]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page := string(text)
	for name, into := range texts {
		if page, err = replaced(page, name, into); err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
	}
	return os.WriteFile(path, []byte(page), 0o644)
}

// replaced returns the page with what stands in the place of that name.
func replaced(page, name, into string) (string, error) {
	before, rest, begins := strings.Cut(page, markBegin(name))
	_, after, ends := strings.Cut(rest, markEnd(name))
	if !begins || !ends {
		return "", fmt.Errorf("it has no place for %q: %q and %q", name, markBegin(name), markEnd(name))
	}
	return before + markBegin(name) + into + "\n" + markEnd(name) + after, nil
}

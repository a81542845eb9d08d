package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// man writes the man pages, for those who package lxd-pool.
func (c *cli) man() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the man pages into a directory",
		Example: "  lxd-pool man /usr/local/share/man/man1",
		Hidden:  true,
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			header := &doc.GenManHeader{Section: "1", Source: "lxd-pool", Manual: "lxd-pool"}
			return c.writePages(cmd.Root(), args[0], func(root *cobra.Command, dir string) error {
				return doc.GenManTree(root, header, dir)
			})
		},
	}
}

// docs writes the reference in Markdown.
func (c *cli) docs() *cobra.Command {
	return &cobra.Command{
		Use:     "docs DIR",
		Short:   "Write the reference of the commands into a directory",
		Example: "  lxd-pool docs docs/reference/cli",
		Hidden:  true,
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.writePages(cmd.Root(), args[0], doc.GenMarkdownTree)
		},
	}
}

// writePages writes a page for every command that the help shows.
func (c *cli) writePages(root *cobra.Command, dir string, write func(*cobra.Command, string) error) error {
	root.DisableAutoGenTag = true
	root.InitDefaultHelpCmd()
	for _, sub := range root.Commands() {
		if sub.Name() == "help" {
			root.RemoveCommand(sub)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the directory: %w", err)
	}
	if err := write(root, dir); err != nil {
		return fmt.Errorf("cannot write the pages: %w", err)
	}
	return tidyPages(dir)
}

// tidyPages takes out what pflag puts behind flags that need no value.
func tidyPages(dir string) error {
	pages, err := filepath.Glob(filepath.Join(dir, "lxd-pool*"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := os.WriteFile(page, []byte(quietenPage(string(text))), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func quietenPage(text string) string {
	return strings.ReplaceAll(quieten(text), "[=false]", "")
}

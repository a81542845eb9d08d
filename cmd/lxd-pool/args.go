package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// knownCommand refuses arguments of the root: they name no command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += " (did you mean " + strings.Join(near, " or ") + "?)"
	}
	return usageError{text, cmd}
}

// between takes so many arguments, which are said in the command's use line.
func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usageError{fmt.Sprintf("it takes %s", what(cmd)), cmd}
		case most >= 0 && len(args) > most:
			return usageError{fmt.Sprintf("%q is too much, it takes %s", args[most], what(cmd)), cmd}
		}
		return nil
	}
}

func exactly(n int) cobra.PositionalArgs { return between(n, n) }
func atLeast(n int) cobra.PositionalArgs { return between(n, -1) }

// what is the use line without the name of the command.
func what(cmd *cobra.Command) string {
	_, args, _ := strings.Cut(strings.Replace(cmd.Use, flagsInUse, "", 1), " ")
	if args == "" {
		return "no arguments"
	}
	return args
}

// first returns the first argument, "" when there is none.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

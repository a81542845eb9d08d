package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is how wide the table of flags is.
const helpWidth = 100

// printHelp writes the help of a command.
func printHelp(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", about, cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	printCommands(w, cmd)
	printFlags(w, "Flags", cmd.LocalFlags())
	printFlags(w, "Flags of every command", cmd.InheritedFlags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nThe exit status is 0 when it is done, 2 when the command line has something that\n"+
			"there is not, 1 for everything else; that of run, exec and shell is the command's.\n"+
			"\"%s COMMAND --help\" tells more about a command.\n", cmd.CommandPath())
	}
}

func printCommands(w io.Writer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	rest := "More"
	if len(cmd.Groups()) == 0 {
		rest = "Commands"
	}
	for _, group := range append(cmd.Groups(), &cobra.Group{Title: rest}) {
		fmt.Fprintf(w, "\n%s:\n", group.Title)
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && sub.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
}

func printFlags(w io.Writer, title string, flags *pflag.FlagSet) {
	if flags.HasAvailableFlags() {
		fmt.Fprintf(w, "\n%s:\n%s", title, quieten(flags.FlagUsagesWrapped(helpWidth)))
	}
}

// noise is what pflag puts behind flags that need no value.
const noise = "[=true|false]"

// quieten takes the noise out of a table of flags, whose columns stay in line.
func quieten(usages string) string {
	return strings.ReplaceAll(usages, noise, strings.Repeat(" ", len(noise)))
}

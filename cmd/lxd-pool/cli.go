package main

import (
	"context"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	versions "github.com/lxd-pool/lxd-pool/cmd/internal/version"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// cli is what every command has: the daemon's client and the streams.
type cli struct {
	in       *os.File
	out, err *os.File

	// quiet: names and ids only, and no progress.
	quiet     bool
	socket    string
	address   string
	tokenFile string

	token  pool.Token // of tokenFile
	once   sync.Once
	daemon *client.Client
}

// client returns the client of the daemon. It connects at its first call.
func (c *cli) client() *client.Client {
	c.once.Do(func() { c.daemon = &client.Client{Socket: c.socket, Address: c.address, Token: c.token} })
	return c.daemon
}

// readToken reads the token to show, where no list of processes shows it.
func (c *cli) readToken() error {
	if c.tokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return pool.Invalidf("name another with --token-file", "cannot read the token: %w", err)
	}
	if c.token = pool.Token(strings.TrimSpace(string(text))); c.token == "" {
		return pool.Invalidf("name another with --token-file", "cannot read the token: %s is empty", c.tokenFile)
	}
	return nil
}

// run runs a command line and returns its exit status.
func (c *cli) run(args []string) int {
	root := c.command()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	return c.finish(root.ExecuteContext(context.Background()))
}

// The groups of commands in the help.
const (
	groupPools  = "pools"
	groupLeases = "leases"
	groupImages = "images"
	groupLook   = "look"
)

const longHelp = `lxd-pool keeps LXD instances ready and leases them: one holder at a time, for a
bounded time. It talks to the daemon lxd-poold, which does the work.`

const longExample = `  # Keep three containers ready.
  lxd-pool create ci --image ubuntu:24.04 --size 3
  # Run a command on a clean one.
  lxd-pool run ci -- make test
  # Or take one, use it, and give it back.
  lxd-pool acquire ci
  lxd-pool exec LEASE -- bash
  lxd-pool release LEASE`

// command returns the tree of commands.
func (c *cli) command() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:                   "lxd-pool COMMAND [FLAGS]",
		DisableFlagsInUseLine: true,
		Short:                 "Keep LXD instances ready and lease them",
		Long:                  longHelp,
		Example:               longExample,
		Version:               versions.Text(version),
		SilenceErrors:         true,
		SilenceUsage:          true,
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true},

		SuggestionsMinimumDistance: 2,

		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("lxd-pool {{.Version}}\n")
	root.SetHelpFunc(printHelp)
	flags := root.PersistentFlags()
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "print names and ids only, and no progress")
	flags.StringVar(&c.socket, "socket", "", "the daemon's socket (default: LXD_POOL_SOCKET, then where the daemon listens by default)")
	flags.StringVar(&c.address, "address", "", "a daemon on the network, https://HOST:PORT (default: LXD_POOL_ADDRESS)")
	flags.StringVar(&c.tokenFile, "token-file", "", "file with the token to show (default: what LXD_POOL_TOKEN holds)")
	kinds(flags, "socket", "PATH", "address", "URL", "token-file", "FILE")
	root.MarkFlagsMutuallyExclusive("socket", "address")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return c.readToken() }
	root.AddGroup(
		&cobra.Group{ID: groupPools, Title: "Pools"},
		&cobra.Group{ID: groupLeases, Title: "Leases"},
		&cobra.Group{ID: groupImages, Title: "Images and other servers"},
		&cobra.Group{ID: groupLook, Title: "What is going on"},
	)
	c.add(root, groupPools, c.create, c.set, c.edit, c.show, c.list, c.enable, c.disable, c.reset, c.refill, c.delete, c.initVerb, c.project, c.profile)
	c.add(root, groupLeases, c.acquire, c.exec, c.shell, c.file, c.commandNoun, c.fork, c.renew, c.release, c.runVerb, c.leases, c.showLease, c.hold, c.revoke)
	c.add(root, groupLeases, c.snapshot, c.info, c.stop, c.start, c.restart, c.pause, c.resume, c.move)
	c.add(root, groupImages, c.image, c.publish, c.remote)
	c.add(root, groupLook, c.tokenNoun, c.status, c.why, c.instances, c.events)
	c.add(root, "", c.version, c.completion, c.man, c.docs)
	return root
}

// flagsInUse is where the flags are in the use line of a command.
const flagsInUse = " [FLAGS]"

func (c *cli) add(root *cobra.Command, group string, verbs ...func() *cobra.Command) {
	for _, verb := range verbs {
		cmd := verb()
		cmd.GroupID = group
		cmd.Flags().SortFlags = false
		cmd.DisableFlagsInUseLine = true
		if !strings.Contains(cmd.Use, flagsInUse) {
			cmd.Use += flagsInUse
		}
		root.AddCommand(cmd)
	}
}

// noun makes a command whose own commands are what can be done to such things.
func (c *cli) noun(cmd *cobra.Command, verbs ...func() *cobra.Command) *cobra.Command {
	cmd.Use += " COMMAND"
	cmd.Args = knownCommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.SuggestionsMinimumDistance = 2
	c.add(cmd, "", verbs...)
	return cmd
}

// verb makes the function of a command whose work ends at Ctrl-C.
func verb(run func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := untilInterrupt(cmd.Context())
		defer stop()
		return run(ctx, args)
	}
}

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) commandNoun() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "command",
		Short: "Look after commands that run on their own",
		Long: `Look after the commands that "lxd-pool exec --detach" has left to themselves in a
leased instance. A lease has room for 16 of them, those that have ended too; they go
with the lease. Of what each writes to a stream the first 64 KiB and the last 192 KiB
are kept, as long as the daemon runs.`,
		Example: `  lxd-pool exec --detach ci.k3v9q0z5tm -- make test
  lxd-pool command list ci.k3v9q0z5tm
  lxd-pool command output ci.k3v9q0z5tm h3k2xw -f`,
	}, c.commandList, c.commandShow, c.commandOutput, c.commandWait, c.commandSignal, c.commandDelete)
}

func (c *cli) commandList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list LEASE",
		Aliases: []string{"ls"},
		Short:   "List the commands of a lease",
		Example: `  lxd-pool command list ci.k3v9q0z5tm
  lxd-pool command list ci.k3v9q0z5tm -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	l := newListing(cmd, func(d *pool.Detached) string { return string(d.ID) },
		column[*pool.Detached]{'i', "ID", func(d *pool.Detached) string { return string(d.ID) }},
		column[*pool.Detached]{'s', "STATE", func(d *pool.Detached) string { return string(d.State) }},
		column[*pool.Detached]{'x', "STATUS", exitText},
		column[*pool.Detached]{'b', "STARTED", func(d *pool.Detached) string { return when(d.Started) }},
		column[*pool.Detached]{'e', "ENDED", func(d *pool.Detached) string { return whenever(d.Ended) }},
		column[*pool.Detached]{'o', "STDOUT", func(d *pool.Detached) string { return sizeText(d.Stdout) }},
		column[*pool.Detached]{'r', "STDERR", func(d *pool.Detached) string { return sizeText(d.Stderr) }},
		column[*pool.Detached]{'c', "COMMAND", commandText},
	)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		list, err := c.client().Commands(ctx, pool.LeaseID(args[0]))
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

// commandWidth is how much of a command stands in a table.
const commandWidth = 60

// commandText is the beginning of a command, on one line and harmless to a terminal.
func commandText(d *pool.Detached) string {
	text := []rune(strings.Join(d.Args, " "))
	if len(text) > commandWidth {
		text = append(text[:commandWidth-3], []rune("...")...)
	}
	for i, r := range text {
		if !strconv.IsPrint(r) {
			text[i] = '?'
		}
	}
	return string(text)
}

// exitText is the exit status of a command that has one.
func exitText(d *pool.Detached) string {
	if !hasStatus(d) {
		return ""
	}
	return strconv.Itoa(d.Status)
}

func hasStatus(d *pool.Detached) bool {
	return d.State == pool.CommandExited || d.State == pool.CommandKilled
}

func whenever(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return when(t)
}

func sizeText(s pool.OutputSize) string {
	if s.Dropped > 0 {
		return fmt.Sprintf("%d (%d dropped)", s.Bytes, s.Dropped)
	}
	return strconv.FormatInt(s.Bytes, 10)
}

func (c *cli) commandShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show LEASE ID",
		Short: "Show a command: what it is, and what became of it",
		Example: `  lxd-pool command show ci.k3v9q0z5tm h3k2xw
  lxd-pool command show ci.k3v9q0z5tm h3k2xw -f json`,
		Args:              exactly(2),
		ValidArgsFunction: c.completeCommand,
	}
	format := formatFlag(cmd, asYAML, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		d, err := c.client().Command(ctx, pool.LeaseID(args[0]), pool.CommandID(args[1]))
		if err != nil {
			return err
		}
		_, err = format.print(c.out, d)
		return err
	})
	return cmd
}

func (c *cli) commandOutput() *cobra.Command {
	q := pool.OutputRequest{}
	cmd := &cobra.Command{
		Use:   "output LEASE ID",
		Short: "Print what a command has written",
		Long: `Print what a command has written: its standard output on ours, its standard error on
ours. Their order among each other is not kept; have the command write both to one
stream (2>&1) where it matters. Where something was dropped from the middle, a line on
standard error says how much.`,
		Example: `  lxd-pool command output ci.k3v9q0z5tm h3k2xw
  lxd-pool command output ci.k3v9q0z5tm h3k2xw --follow
  lxd-pool command output ci.k3v9q0z5tm h3k2xw --stream stdout >log`,
		Args:              exactly(2),
		ValidArgsFunction: c.completeCommand,
	}
	flags := cmd.Flags()
	flags.BoolVarP(&q.Follow, "follow", "f", false, "go on until the command has ended")
	flags.StringVar((*string)(&q.Stream), "stream", "", "one of them only: stdout or stderr (default: both)")
	kinds(flags, "stream", "STREAM")
	complete(cmd, "stream", string(pool.Stdout), string(pool.Stderr))
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		q.Lease, q.Command = pool.LeaseID(args[0]), pool.CommandID(args[1])
		return c.printOutput(ctx, q)
	})
	return cmd
}

func (c *cli) printOutput(ctx context.Context, q pool.OutputRequest) error {
	writers := map[pool.Stream]io.Writer{pool.Stdout: c.out, pool.Stderr: c.err}
	for chunk, err := range c.client().Output(ctx, q) {
		if err != nil {
			return err
		}
		if chunk.Dropped > 0 {
			fmt.Fprintf(c.err, "\n[lxd-pool: %d bytes of %s are not kept]\n", chunk.Dropped, chunk.Stream)
		}
		if _, err := writers[chunk.Stream].Write(chunk.Data); err != nil {
			return fmt.Errorf("cannot print the output: %w", err)
		}
	}
	return nil
}

func (c *cli) commandWait() *cobra.Command {
	return &cobra.Command{
		Use:   "wait LEASE ID",
		Short: "Wait until a command has ended, and end with its exit status",
		Example: `  lxd-pool command wait ci.k3v9q0z5tm h3k2xw
  lxd-pool command wait ci.k3v9q0z5tm h3k2xw && lxd-pool command output ci.k3v9q0z5tm h3k2xw`,
		Args:              exactly(2),
		ValidArgsFunction: c.completeCommand,
		RunE: verb(func(ctx context.Context, args []string) error {
			d, err := c.client().WaitCommand(ctx, pool.LeaseID(args[0]), pool.CommandID(args[1]))
			if err != nil {
				return err
			}
			if !hasStatus(d) {
				return pool.Errorf(pool.ErrFailed, "", "cannot tell the exit status of command %s: it is %s: %s", d.ID, d.State, d.Why)
			}
			return exitOf(d.Status)
		}),
	}
}

func (c *cli) commandSignal() *cobra.Command {
	return &cobra.Command{
		Use:   "signal LEASE ID SIGNAL",
		Short: "Send a signal to a command",
		Long: `Send a signal, by its name or number, to a command that runs. Once the command itself
has exited, the signal goes to what it has left behind that keeps its output open.`,
		Example: `  lxd-pool command signal ci.k3v9q0z5tm h3k2xw TERM
  lxd-pool command signal ci.k3v9q0z5tm h3k2xw 9`,
		Args:              exactly(3),
		ValidArgsFunction: c.completeCommand,
		RunE: verb(func(ctx context.Context, args []string) error {
			signal, err := signalNumber(args[2])
			if err != nil {
				return err
			}
			return c.client().SignalCommand(ctx, pool.LeaseID(args[0]), pool.CommandID(args[1]), int(signal))
		}),
	}
}

// signalNumber reads a signal such as TERM, SIGTERM or 15.
func signalNumber(text string) (syscall.Signal, error) {
	if number, err := strconv.Atoi(text); err == nil {
		return syscall.Signal(number), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if signal := unix.SignalNum(name); signal != 0 {
		return signal, nil
	}
	return 0, pool.Invalidf("write it like TERM or 15", "cannot send signal %q: there is none of that name", text)
}

func (c *cli) commandDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete LEASE ID...",
		Aliases: []string{"rm"},
		Short:   "Kill commands that still run, and forget them with their output",
		Example: `  lxd-pool command delete ci.k3v9q0z5tm h3k2xw
  lxd-pool command delete ci.k3v9q0z5tm h3k2xw q8d0ap`,
		Args:              atLeast(2),
		ValidArgsFunction: c.completeCommand,
		RunE: verb(func(ctx context.Context, args []string) error {
			return c.each(ctx, args[1:], func(id string) error {
				return c.client().DeleteCommand(ctx, pool.LeaseID(args[0]), pool.CommandID(id))
			})
		}),
	}
}

// completeCommand completes a lease, and then its commands.
func (c *cli) completeCommand(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completing(1, c.leaseNames)(cmd, args, begun)
	}
	most := 2
	if cmd.Name() == "delete" {
		most = -1
	}
	return completing(most, func(ctx context.Context) []string {
		list, err := c.client().Commands(ctx, pool.LeaseID(args[0]))
		if err != nil {
			return nil
		}
		ids := make([]string, len(list))
		for i, d := range list {
			ids[i] = string(d.ID)
		}
		return ids
	})(cmd, args, begun)
}

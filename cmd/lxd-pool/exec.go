package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) exec() *cobra.Command {
	o := newExecOptions()
	detach := false
	cmd := &cobra.Command{
		Use:   "exec LEASE [FLAGS] -- COMMAND...",
		Short: "Run a command in a leased instance",
		Long: `Run a command in a leased instance, with its standard input, output and error, and
end with its exit status. Signals are passed on to it. It gets a terminal when standard
input and output are one. As with lxc exec, it lasts until those of its children that
keep its output open have ended too, unless it has a terminal.

With --detach it is left to itself, without input, and its output is kept; its id is
printed, for "lxd-pool command".`,
		Example: `  lxd-pool exec ci.k3v9q0z5tm -- uname -a
  lxd-pool exec ci.k3v9q0z5tm --env CI=1 --cwd /srv --user ubuntu -- make test
  tar c . | lxd-pool exec ci.k3v9q0z5tm -- tar x -C /srv
  lxd-pool exec --detach ci.k3v9q0z5tm -- make test`,
		Args:              atLeast(2),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	o.addFlags(cmd)
	cmd.Flags().VarP(o.env, "env", "e", "variable of the command; more than one are allowed")
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "leave it to itself and print its id")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if detach {
			return c.detach(cmd, args, o)
		}
		ctx, cancel := context.WithCancelCause(cmd.Context())
		defer cancel(nil)
		command := o.command(args[1:])
		command.Signals = passSignals(ctx, cancel)
		status, err := c.execute(ctx, pool.LeaseID(args[0]), command, o)
		if err != nil {
			return err
		}
		return exitOf(status)
	}
	return cmd
}

func (c *cli) detach(cmd *cobra.Command, args []string, o *execOptions) error {
	if o.terminal {
		return usageError{"--detach and --force-terminal exclude each other", cmd}
	}
	ctx, stop := untilInterrupt(cmd.Context())
	defer stop()
	d, err := c.client().Detach(ctx, pool.LeaseID(args[0]), o.command(args[1:]))
	if err == nil {
		fmt.Fprintln(c.out, d.ID)
	}
	return err
}

// exitOf is the end of a program with that status.
func exitOf(status int) error {
	if status == 0 {
		return nil
	}
	return exitStatus(status)
}

// execOptions are what exec and run let the user say about a command.
type execOptions struct {
	env             *pairsValue
	cwd, user       string
	terminal, plain bool
	noStdin         bool
}

func newExecOptions() *execOptions { return &execOptions{env: newPairs("KEY=VALUE")} }

func (o *execOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.cwd, "cwd", "", "directory to run it in (default: the user's home)")
	flags.StringVar(&o.user, "user", "", "user to run it as, a name or a number (default: root)")
	flags.BoolVarP(&o.terminal, "force-terminal", "t", false, "give it a terminal")
	flags.BoolVarP(&o.plain, "no-terminal", "T", false, "give it no terminal")
	flags.BoolVar(&o.noStdin, "no-stdin", false, "give it no standard input")
	kinds(flags, "cwd", "DIR", "user", "USER")
}

func (o *execOptions) check(cmd *cobra.Command) error {
	if o.terminal && o.plain {
		return usageError{"--force-terminal and --no-terminal exclude each other", cmd}
	}
	return nil
}

func (o *execOptions) command(args []string) pool.Command {
	return pool.Command{Args: args, Env: o.env.pairs, Cwd: o.cwd, User: o.user}
}

// execute runs a command with our own streams, and with a terminal if it is to
// have one.
func (c *cli) execute(ctx context.Context, id pool.LeaseID, command pool.Command, o *execOptions) (int, error) {
	command.Stdout, command.Stderr = c.out, c.err
	if !o.noStdin {
		command.Stdin = c.in
	}
	if o.terminal || !o.plain && c.onTerminal() {
		leave, err := c.enterTerminal(ctx, &command)
		if err != nil {
			return 0, err
		}
		defer leave()
	}
	return c.client().Exec(ctx, id, command)
}

// patience is how many signals may wait for a command that does not take them.
const patience = 3

// passSignals returns the signals that we get, for a command to get them. When
// nobody takes them, because the daemon does not answer, they end us instead.
func passSignals(ctx context.Context, cancel context.CancelCauseFunc) <-chan int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, passedOn...)
	numbers := make(chan int, patience)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				number := s.(syscall.Signal)
				select {
				case numbers <- int(number):
				default:
					cancel(interrupted{number})
				}
			}
		}
	}()
	return numbers
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lxd-pool/lxd-pool/pool"
)

// usageError is a command line with a command, flag or number of arguments
// that there is not. Its status is 2; that of a value that cannot be is 1.
type usageError struct {
	text string
	cmd  *cobra.Command
}

func (e usageError) Error() string {
	return fmt.Sprintf("cannot understand the command line: %s; see \"%s --help\"", e.text, e.cmd.CommandPath())
}

// exitStatus is that of a command that ran in an instance.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// failures are errors that were told already, as many as there were.
type failures int

func (n failures) Error() string { return fmt.Sprintf("%d failed", int(n)) }

// finish tells an error in one line and returns the exit status for it.
func (c *cli) finish(err error) int {
	if err == nil {
		return 0
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	if _, told := errors.AsType[failures](err); !told {
		c.tell(err)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	if by, ok := errors.AsType[interrupted](err); ok {
		return 128 + int(by.signal)
	}
	return 1
}

// tell writes an error on one line.
func (c *cli) tell(err error) {
	if c.address == "" && os.Getenv("LXD_POOL_ADDRESS") == "" {
		err = explain(err)
	}
	text := strings.TrimSpace(err.Error())
	fmt.Fprintln(c.err, "Error: "+strings.ReplaceAll(text, "\n", "; "))
}

// each does something for every name, tells what goes wrong, and goes on.
func (c *cli) each(ctx context.Context, names []string, do func(name string) error) error {
	failed := 0
	for _, name := range names {
		err := do(name)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			c.tell(err)
			failed++
		}
	}
	if failed > 0 {
		return failures(failed)
	}
	return nil
}

// explain adds what only a command can say: how to start the daemon here.
func explain(err error) error {
	known, ok := errors.AsType[*pool.Error](err)
	if !ok || !errors.Is(err, pool.ErrUnreachable) {
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	next := fmt.Sprintf("start it with %q, or name its socket with --socket", howToStart())
	if inSnap() {
		next = fmt.Sprintf(`start it with %q, and see why it ended with "sudo snap logs lxd-pool"`, howToStart())
	}
	return &pool.Error{Kind: known.Kind, Text: known.Text, Cause: known.Cause, Next: next}
}

func inSnap() bool { return os.Getenv("SNAP_NAME") == "lxd-pool" }

func howToStart() string {
	switch {
	case inSnap():
		return "sudo snap start lxd-pool"
	case isThere("/run/systemd/system") && os.Geteuid() == 0:
		return "systemctl start lxd-poold"
	case isThere("/run/systemd/system"):
		return "sudo systemctl start lxd-poold"
	}
	return "lxd-poold &"
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// flagError sorts what is wrong with a flag into its form and its value.
func flagError(cmd *cobra.Command, err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return usageError{err.Error(), cmd}
	}
	if known, ok := errors.AsType[*pool.Error](err); ok {
		return known
	}
	return pool.Invalidf("", "cannot use --%s=%q: %w", bad.GetFlag().Name, bad.GetValue(), bad.Unwrap())
}

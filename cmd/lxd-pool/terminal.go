package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) onTerminal() bool {
	return term.IsTerminal(int(c.in.Fd())) && term.IsTerminal(int(c.out.Fd()))
}

// enterTerminal gives a command a terminal of the size of ours, and puts ours,
// if it is one, into raw mode until leave is called.
func (c *cli) enterTerminal(ctx context.Context, command *pool.Command) (leave func(), err error) {
	command.Terminal = true
	command.Env = withTerm(command.Env)
	command.Size = c.size()
	command.Resize = c.resizes(ctx)
	fd := int(c.in.Fd())
	if command.Stdin == nil || !term.IsTerminal(fd) {
		return func() {}, nil
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("cannot put the terminal into raw mode: %w", err)
	}
	return func() { term.Restore(fd, before) }, nil
}

// withTerm adds the kind of our terminal to an environment that says none.
func withTerm(env map[string]string) map[string]string {
	kind := os.Getenv("TERM")
	if _, given := env["TERM"]; given || kind == "" {
		return env
	}
	env = maps.Clone(env)
	if env == nil {
		env = map[string]string{}
	}
	env["TERM"] = kind
	return env
}

// size is that of our terminal, or a usual one.
func (c *cli) size() pool.Size {
	width, height, err := term.GetSize(int(c.out.Fd()))
	if err != nil {
		return pool.Size{Width: 80, Height: 24}
	}
	return pool.Size{Width: width, Height: height}
}

// resizes tells the size of our terminal whenever it changes.
func (c *cli) resizes(ctx context.Context) <-chan pool.Size {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	sizes := make(chan pool.Size)
	go func() {
		defer signal.Stop(changed)
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			select {
			case sizes <- c.size():
			case <-ctx.Done():
				return
			}
		}
	}()
	return sizes
}

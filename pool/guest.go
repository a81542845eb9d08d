package pool

import (
	"context"
	"io"
	"maps"
)

// Guest is a power that a [Backend] may have: to act inside an instance.
type Guest interface {
	// Exec runs a command in the instance and returns its exit status. The
	// error is about running it: a command that ran and failed is no error.
	// Exec returns when the command has ended and its output was written, or
	// when ctx ends; then the command is killed as far as the instance allows.
	Exec(ctx context.Context, o Order, c Command) (int, error)
}

// Command is what to run in an instance, and the streams that go with it.
// A nil stream is empty or discarded.
type Command struct {
	Args []string
	// Login asks for the login shell of the user in place of Args.
	Login bool
	// Env may hold secrets: a backend shows them to nobody but the command, and
	// keeps them out of its own config and logs. Those that a terminal or the
	// search for the command needs are no secrets: HOME, LANG, LOGNAME, PATH,
	// SHELL, TERM and USER.
	Env map[string]string
	// Cwd is the working directory, "" for the user's home.
	Cwd string
	// User is a name or a number inside the instance, "" for root.
	User string

	// Terminal asks for a pseudo terminal of this size; Stderr then carries nothing.
	Terminal bool
	Size     Size

	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Resize and Signals are read until the command ends. Closing them is allowed.
	Resize  <-chan Size
	Signals <-chan int
}

// Size is the size of a terminal in characters.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Exec runs a command in the instance of a running lease, with the lease's
// environment under the command's own. When the lease ends, so does the
// command, and the error is [ErrLeaseEnded].
func (m *Manager) Exec(ctx context.Context, id LeaseID, c Command) (int, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	return act(ctx, m, id, "run a command", func(ctx context.Context, guest Guest, s *session) (int, error) {
		c.Env = mergeEnv(s.lease.Env, c.Env)
		return guest.Exec(ctx, s.order, c)
	})
}

// check refuses what says nothing, or two things, to run.
func (c *Command) check() error {
	switch {
	case !c.Login && len(c.Args) == 0:
		return Invalidf("name one", "cannot run a command: none was given")
	case c.Login && len(c.Args) > 0:
		return Invalidf("", "cannot run a command: it is either a login shell or %q", c.Args[0])
	}
	return nil
}

func mergeEnv(under, over map[string]string) map[string]string {
	if len(under) == 0 {
		return over
	}
	env := maps.Clone(under)
	maps.Copy(env, over)
	return env
}

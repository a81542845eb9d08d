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
	Env  map[string]string
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
	guest, ok := m.env.backend.(Guest)
	if !ok {
		return 0, Errorf(ErrUnsupported, "", "cannot run a command: this backend cannot")
	}
	w, err := m.ofLease(id)
	if err != nil {
		return 0, err
	}
	s, err := read(ctx, w, func(t *turn) (session, error) { return t.session(id) })
	if err != nil {
		return 0, err
	}
	c.Env = mergeEnv(s.lease.Env, c.Env)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	status, err := guest.Exec(ctx, s.order, c)
	select {
	case <-s.done:
		return 0, m.whyDone(id)
	default:
		return status, err
	}
}

// whyDone says what cut the streams through a lease.
func (m *Manager) whyDone(id LeaseID) error {
	g, err := m.Lease(context.Background(), id)
	if err != nil {
		return err
	}
	if g.Lease.Ended == nil {
		return errClosing()
	}
	return leaseEnded(g.Lease)
}

func mergeEnv(under, over map[string]string) map[string]string {
	if len(under) == 0 {
		return over
	}
	env := maps.Clone(under)
	maps.Copy(env, over)
	return env
}

// session returns what somebody who acts through a lease needs.
func (t *turn) session(id LeaseID) (session, error) {
	l, in, err := t.lease(id)
	if err != nil {
		return session{}, err
	}
	return session{order: t.order(in), lease: l, done: t.x.running[id].done}, nil
}

// session is the right to act on a leased instance until done is closed.
type session struct {
	order Order
	lease *Lease
	done  <-chan struct{}
}

package pool

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"
)

// CommandID names a detached command of a lease.
type CommandID string

// Detached is what is to be known of a command that runs without its caller. A
// committed value is never changed. Its environment is not part of it.
type Detached struct {
	ID CommandID `json:"id"`
	// Args is what runs; of a very long one, the beginning.
	Args  []string     `json:"args"`
	User  string       `json:"user,omitempty"`
	Cwd   string       `json:"cwd,omitempty"`
	State CommandState `json:"state"`
	// Status is the exit status of one that has exited or was killed.
	Status int `json:"status"`
	// Why says what went wrong with one that failed or is lost.
	Why     string    `json:"why,omitempty"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Stdout and Stderr say how much it has written.
	Stdout OutputSize `json:"stdout"`
	Stderr OutputSize `json:"stderr"`
}

// OutputSize is how much a stream has, and how much of it is not kept any more.
type OutputSize struct {
	Bytes   int64 `json:"bytes"`
	Dropped int64 `json:"dropped"`
}

// CommandState says what became of a detached command.
type CommandState string

// The states. All but the first are final.
const (
	CommandRunning CommandState = "running"
	CommandExited  CommandState = "exited" // by itself
	CommandKilled  CommandState = "killed" // by a signal that was sent to it
	CommandFailed  CommandState = "failed" // it could not be run
	CommandLost    CommandState = "lost"   // nobody knows; the manager or LXD was restarted meanwhile
)

// Stream is one of the outputs of a command.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// OutputRequest asks for what a detached command has written.
type OutputRequest struct {
	Lease   LeaseID
	Command CommandID
	// Stream is one of the two, "" for both.
	Stream Stream
	// Follow waits for more until the command has ended.
	Follow bool
}

// OutputChunk is a piece of the output of a detached command.
type OutputChunk struct {
	Stream Stream `json:"stream"`
	// Dropped is how many bytes before Data are not kept any more.
	Dropped int64  `json:"dropped,omitempty"`
	Data    []byte `json:"data,omitempty"`
}

const (
	// MaxCommands is how many detached commands a lease may have, those that
	// have ended too.
	MaxCommands = 16
	// maxArgs is how many bytes of a command's arguments are remembered.
	maxArgs = 4 << 10
	// longestSignal is the highest number of a signal.
	longestSignal = 64
)

// Detach runs a command in the instance of a running lease, with the lease's
// environment under the command's own, and returns when that is noted. The
// command has no input and no terminal. It runs until it ends, its lease does,
// or the manager closes; the manager keeps the beginning and the end of what it
// writes. What is noted of it goes with its lease; it outlives the manager, the
// output does not.
func (m *Manager) Detach(ctx context.Context, id LeaseID, c Command) (*Detached, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Terminal || c.Login {
		return nil, Invalidf("", "cannot detach a command: it would need a terminal")
	}
	if _, err := powerOf[Guest](m, "run a command"); err != nil {
		return nil, err
	}
	d := &Detached{
		ID: CommandID(randomText(6)), Args: shorten(c.Args), User: c.User, Cwd: c.Cwd,
		State: CommandRunning, Started: time.Now().Round(0),
	}
	r, err := m.recordings.begin(commandKey{id, d.ID})
	if err != nil {
		return nil, err
	}
	// Whether it is noted must be known, whatever becomes of the caller.
	if err := m.noteCommand(context.WithoutCancel(ctx), id, d); err != nil {
		m.recordings.done(commandKey{id, d.ID})
		return nil, err
	}
	go m.runDetached(commandKey{id, d.ID}, r, *d, c)
	return d, nil
}

// shorten returns the beginning of arguments.
func shorten(args []string) []string {
	room := maxArgs
	short := []string{}
	for _, arg := range args {
		if len(arg) > room {
			return append(short, arg[:room]+"...")
		}
		short = append(short, arg)
		room -= len(arg) + 1
	}
	return short
}

// noteCommand puts a new command, or a new state of one, into the journal.
func (m *Manager) noteCommand(ctx context.Context, id LeaseID, d *Detached) error {
	_, err := m.onLease(ctx, id, func(t *turn) (Grant, error) {
		l, in, err := t.lease(id)
		if err != nil {
			return Grant{}, err
		}
		next := *l
		next.Commands = slices.Clone(l.Commands)
		at := slices.IndexFunc(next.Commands, func(other *Detached) bool { return other.ID == d.ID })
		switch {
		case at >= 0:
			next.Commands[at] = d
		case d.State != CommandRunning: // it was forgotten meanwhile
			return Grant{}, noCommand(id, d.ID)
		case len(l.Commands) >= MaxCommands:
			return Grant{}, Errorf(ErrInUse, "forget one that has ended with: lxd-pool command delete "+string(id)+" ID",
				"cannot detach a command: all %d places for commands of lease %s are in use", MaxCommands, id)
		default:
			next.Commands = append(next.Commands, d)
		}
		t.putLease(&next)
		return Grant{Lease: &next, Instance: in}, nil
	})
	return err
}

// runDetached runs a command to its end and then keeps its output until it is
// forgotten, or its lease or the manager ends.
func (m *Manager) runDetached(key commandKey, r *recording, d Detached, c Command) {
	defer m.recordings.done(key)
	var leaseDone <-chan struct{}
	c.Stdin, c.Resize, c.Signals = nil, nil, r.signals
	c.Stdout, c.Stderr = r.writer(Stdout), r.writer(Stderr)
	status, err := act(r.life, m, key.lease, "run a command", func(ctx context.Context, guest Guest, s *session) (int, error) {
		leaseDone = s.done
		c.Env = mergeEnv(s.lease.Env, c.Env)
		return guest.Exec(ctx, s.order, c)
	})
	if leaseDone == nil || isClosed(leaseDone) || r.life.Err() != nil {
		return // nobody is to be told: it is forgotten, or was running when the manager closed
	}
	r.conclude(&d, status, err)
	r.end(&d)
	if err := m.noteCommand(r.life, key.lease, &d); err != nil && r.life.Err() == nil {
		m.env.log.Error("cannot note the end of a command", "lease", string(key.lease), "command", string(d.ID), "error", err)
	}
	close(r.ended)
	select {
	case <-leaseDone:
	case <-r.life.Done():
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// conclude says how the command ended.
func (r *recording) conclude(d *Detached, status int, err error) {
	d.Ended = time.Now().Round(0)
	r.fill(d)
	switch {
	case err == nil && status > 128 && r.wasSent(status-128):
		d.State, d.Status = CommandKilled, status
	case err == nil:
		d.State, d.Status = CommandExited, status
	case errors.Is(err, ErrUnavailable):
		d.State, d.Why = CommandLost, err.Error()
	default:
		d.State, d.Why = CommandFailed, err.Error()
	}
}

// Commands returns the detached commands of a running lease, oldest first.
func (m *Manager) Commands(ctx context.Context, id LeaseID) ([]*Detached, error) {
	w, err := m.ofLease(id)
	if err != nil {
		return nil, err
	}
	noted, err := read(ctx, w, func(t *turn) ([]*Detached, error) {
		l, _, err := t.lease(id)
		if err != nil {
			return nil, err
		}
		return l.Commands, nil
	})
	list := make([]*Detached, len(noted))
	for i, d := range noted {
		list[i] = m.known(id, *d)
	}
	return list, err
}

// known is what is noted of a command with what only this process knows. The
// output, and how one ended that ran then, went with an earlier process.
func (m *Manager) known(id LeaseID, d Detached) *Detached {
	if r := m.recordings.get(commandKey{id, d.ID}); r != nil {
		r.fill(&d)
		return &d
	}
	if d.State == CommandRunning {
		d.State, d.Why = CommandLost, "lxd-pool was restarted while it ran"
	}
	d.Stdout.Dropped, d.Stderr.Dropped = d.Stdout.Bytes, d.Stderr.Bytes
	return &d
}

// Command returns one detached command of a running lease.
func (m *Manager) Command(ctx context.Context, id LeaseID, command CommandID) (*Detached, error) {
	list, err := m.Commands(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.ID == command {
			return d, nil
		}
	}
	return nil, noCommand(id, command)
}

func noCommand(id LeaseID, command CommandID) error {
	return Errorf(ErrNotFound, "list them with: lxd-pool command list "+string(id),
		"cannot find command %q: lease %s has none of that name", string(command), id)
}

// WaitCommand returns a detached command once it has ended.
func (m *Manager) WaitCommand(ctx context.Context, id LeaseID, command CommandID) (*Detached, error) {
	d, err := m.Command(ctx, id, command)
	if err != nil || d.State != CommandRunning {
		return d, err
	}
	if r := m.recordings.get(commandKey{id, command}); r != nil {
		select {
		case <-r.ended:
		case <-r.gone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return m.Command(ctx, id, command)
}

// SignalCommand sends a signal to a detached command that runs, or to what it
// has left behind that keeps its output open.
func (m *Manager) SignalCommand(ctx context.Context, id LeaseID, command CommandID, signal int) error {
	if signal < 1 || signal > longestSignal {
		return Invalidf("", "cannot send signal %d: they are numbered from 1 to %d", signal, longestSignal)
	}
	d, err := m.Command(ctx, id, command)
	if err != nil {
		return err
	}
	r := m.recordings.get(commandKey{id, command})
	if d.State != CommandRunning || r == nil {
		return Invalidf("", "cannot send a signal to command %s: it does not run any more (%s)", command, d.State)
	}
	if !r.send(signal) {
		return Errorf(ErrFailed, "try again, or delete the command", "cannot send a signal to command %s: it has not taken the last %d yet", command, maxSignals)
	}
	return nil
}

// DeleteCommand forgets a detached command with its output. When it runs, it is
// killed first, with what it has left behind.
func (m *Manager) DeleteCommand(ctx context.Context, id LeaseID, command CommandID) error {
	_, err := m.onLease(ctx, id, func(t *turn) (Grant, error) {
		l, in, err := t.lease(id)
		if err != nil {
			return Grant{}, err
		}
		next := *l
		next.Commands = slices.DeleteFunc(slices.Clone(l.Commands), func(d *Detached) bool { return d.ID == command })
		if len(next.Commands) == len(l.Commands) {
			return Grant{}, noCommand(id, command)
		}
		t.putLease(&next)
		return Grant{Lease: &next, Instance: in}, nil
	})
	r := m.recordings.get(commandKey{id, command})
	if err != nil || r == nil {
		return err
	}
	r.kill()
	select {
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Output yields what a detached command has written, as far as it is kept: of
// each stream in order, of the two in turns. An error is the last.
func (m *Manager) Output(ctx context.Context, q OutputRequest) iter.Seq2[OutputChunk, error] {
	return func(yield func(OutputChunk, error) bool) {
		if err := m.output(ctx, q, func(c OutputChunk) bool { return yield(c, nil) }); err != nil {
			yield(OutputChunk{}, err)
		}
	}
}

// output tells of every chunk until tell says that it is enough.
func (m *Manager) output(ctx context.Context, q OutputRequest, tell func(OutputChunk) bool) error {
	streams, err := q.streams()
	if err != nil {
		return err
	}
	d, err := m.Command(ctx, q.Lease, q.Command)
	if err != nil {
		return err
	}
	r := m.recordings.get(commandKey{q.Lease, q.Command})
	if r == nil {
		return Errorf(ErrNotFound, "", "cannot show what command %s wrote: lxd-pool was restarted since, and keeps that in memory only (it is %s)", d.ID, d.State)
	}
	at := map[Stream]int64{}
	for {
		var changed <-chan struct{}
		told := false
		for _, s := range streams {
			var c OutputChunk
			var more <-chan struct{}
			c, at[s], more = r.next(s, at[s])
			changed = cmp.Or(changed, more)
			if c.Dropped > 0 || len(c.Data) > 0 {
				told = true
				if !tell(c) {
					return nil
				}
			}
		}
		switch {
		case told:
			continue
		case !q.Follow || changed == nil:
			return nil
		}
		select {
		case <-changed:
		case <-r.gone:
			_, err := m.Command(ctx, q.Lease, q.Command) // it says why
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q OutputRequest) streams() ([]Stream, error) {
	switch q.Stream {
	case "":
		return []Stream{Stdout, Stderr}, nil
	case Stdout, Stderr:
		return []Stream{q.Stream}, nil
	}
	return nil, Invalidf("use stdout or stderr", "cannot show stream %q of a command: it has none of that name", string(q.Stream))
}

type commandKey struct {
	lease   LeaseID
	command CommandID
}

// recordings are the detached commands that this process knows.
type recordings struct {
	life context.Context

	mu      sync.Mutex
	list    map[commandKey]*recording
	running sync.WaitGroup
}

// begin makes room for one, unless the manager is closing. done is to follow.
func (a *recordings) begin(key commandKey) (*recording, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.life.Err() != nil {
		return nil, errClosing()
	}
	r := newRecording(a.life)
	a.list[key] = r
	a.running.Add(1)
	return r, nil
}

func (a *recordings) get(key commandKey) *recording {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.list[key]
}

// done forgets one that runs no more, or never began.
func (a *recordings) done(key commandKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.list[key]
	r.kill()
	close(r.gone)
	delete(a.list, key)
	a.running.Done()
}

// wait returns when none is left. The manager's life has ended then.
func (a *recordings) wait() {
	a.mu.Lock()
	a.mu.Unlock() //lint:ignore SA2001 once the lock was had, begin has seen the end
	a.running.Wait()
}

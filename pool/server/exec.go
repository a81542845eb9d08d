package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

const (
	// startTime is how long a client has to say what to run.
	startTime = 10 * time.Second
	// partingTime is how long the end of a command may take to be told.
	partingTime = 5 * time.Second
	// guardPeriod is how often a command whose output nobody reads is checked on.
	guardPeriod = time.Second
)

// exec runs a command over a websocket (see [api.Control]).
func (s *Server) exec(r *request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return wrong{http.StatusUpgradeRequired, pool.Invalidf("use: lxd-pool exec", "cannot run a command: this path speaks websocket only")}
	}
	s.running.Add(1) // before the connection is no longer counted by http.Server
	defer s.running.Done()
	conn, err := websocket.Accept(r.w, r.Request, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return errAnswered
	}
	ctx, cancel := context.WithCancelCause(s.execs)
	defer cancel(nil)
	defer context.AfterFunc(r.Context(), func() {
		if context.Cause(r.Context()) == pool.ErrTokenEnded {
			cancel(pool.ErrTokenEnded)
		}
	})()
	line, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	x := &execution{server: s, id: r.grant.Lease.ID, stream: api.NewStream(conn), line: line, cancel: cancel,
		resize: make(chan pool.Size, 1), signals: make(chan int, 16)}
	defer x.stream.Break()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(partingTime, hangUp) })()
	x.part(x.run(ctx))
	return nil
}

// execution is the server's end of one command.
type execution struct {
	server *Server
	id     pool.LeaseID
	stream *api.Stream
	// line is what the stream is used under. It outlives the command's context
	// by partingTime, since the end of it closes the connection.
	line    context.Context
	cancel  context.CancelCauseFunc // ends the command
	stdin   *inbox
	stdout  output
	stderr  output
	resize  chan pool.Size
	signals chan int
}

// errLeft is why a command ends whose client is gone.
var errLeft = errors.New("the client is gone")

// run runs the command. Its context ends when the client leaves, when the
// server has to, and when the lease ends while the client does not read.
func (x *execution) run(ctx context.Context) (int, error) {
	start, err := x.receiveStart()
	if err != nil {
		return 0, err
	}
	cmd := start.Command()
	cmd.Resize, cmd.Signals = x.resize, x.signals
	x.stdout = output{x: x, ctx: ctx, channel: api.Stdout}
	x.stderr = output{x: x, ctx: ctx, channel: api.Stderr}
	cmd.Stdout, cmd.Stderr = &x.stdout, &x.stderr
	x.stdin = newInbox(func(n int) { x.stream.Tell(x.line, api.Control{Credit: n}) })
	defer x.stdin.close(errLeft)
	if start.Stdin {
		cmd.Stdin = x.stdin
	}
	go x.receive()
	go x.guard(ctx)
	status, err := x.server.manager.Exec(ctx, x.id, cmd)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return status, err
}

func (x *execution) receiveStart() (*api.Start, error) {
	ctx, cancel := context.WithTimeout(x.line, startTime)
	defer cancel()
	_, _, control, err := x.stream.Receive(ctx)
	switch {
	case errors.Is(err, pool.ErrInvalid), err == nil && control.Start == nil:
		return nil, pool.Invalidf("", "cannot run a command: the first message does not say which")
	case err != nil:
		return nil, errLeft
	}
	return control.Start, nil
}

// receive takes what the client sends, and never waits for the command, so
// that a signal gets through when nothing else does.
func (x *execution) receive() {
	for {
		channel, data, control, err := x.stream.Receive(x.line)
		switch {
		case errors.Is(err, pool.ErrInvalid):
		case err != nil:
			err = errLeft
		case channel == api.Stdin:
			err = x.stdin.put(data)
		case channel != api.ControlChannel:
			err = notForServer("channel %d", channel)
		case control.EOF:
			x.stdin.end()
		case control.Resize != nil:
			replace(x.resize, *control.Resize)
		case control.Signal > 0:
			offer(x.signals, control.Signal)
		default:
			err = notForServer("that control message")
		}
		if err != nil {
			x.cancel(err)
			return
		}
	}
}

func notForServer(format string, args ...any) error {
	return pool.Invalidf("", "cannot go on with the command: "+format+" is not for a server", args...)
}

// guard ends the command when its lease has ended while the client does not
// read: then nothing else would end a write that is under way.
func (x *execution) guard(ctx context.Context) {
	tick := time.NewTicker(guardPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !x.stdout.stuck() && !x.stderr.stuck() {
			continue
		}
		if g, err := x.server.manager.Lease(ctx, x.id); errors.Is(err, pool.ErrNoLease) || err == nil && g.Lease.Ended != nil {
			x.cancel(pool.Errorf(pool.ErrLeaseEnded, "", "cannot go on with the command: lease %s has ended", x.id))
			return
		}
	}
}

// part tells the client how it ended, if it still is there.
func (x *execution) part(status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	last := api.Control{Exit: &status}
	if err != nil {
		last = api.Control{Problem: api.NewProblem(err)}
	}
	if errors.Is(err, errLeft) || x.stream.Tell(ctx, last) != nil {
		return
	}
	x.stream.Bye()
}

// replace puts v in place of what nobody has taken yet.
func replace[T any](to chan T, v T) {
	for {
		select {
		case to <- v:
			return
		default:
		}
		select {
		case <-to:
		default:
		}
	}
}

// offer drops v when too many have not been taken yet.
func offer[T any](to chan T, v T) {
	select {
	case to <- v:
	default:
	}
}

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/coder/websocket"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Exec runs a command in the instance of a running lease and returns its exit
// status, after its output was written. When ctx ends the command is killed.
// When the lease ends, so does the command, and the error is
// [pool.ErrLeaseEnded]. cmd.Stdin may still be read from once after Exec has
// returned; what was read is lost.
func (c *Client) Exec(ctx context.Context, id pool.LeaseID, cmd pool.Command) (int, error) {
	stream, err := c.openExec(ctx, id)
	if err != nil {
		return 0, err
	}
	defer stream.Break()
	streaming, stop := context.WithCancel(ctx)
	defer stop()
	x := &execution{stream: stream, cmd: cmd, credit: make(chan int, 1)}
	x.credit <- api.Window
	if err := stream.Tell(streaming, api.Control{Start: api.NewStart(cmd)}); err != nil {
		return 0, c.cutOff(ctx, id, err)
	}
	x.feed(streaming)
	status, err := x.receive(streaming)
	if lost, ok := errors.AsType[cut](err); ok {
		return 0, c.cutOff(ctx, id, lost.error)
	}
	return status, err
}

// openExec opens the websocket. What forbids it comes as a problem.
func (c *Client) openExec(ctx context.Context, id pool.LeaseID) (*api.Stream, error) {
	c.init()
	r, err := c.request(ctx, call{op: api.OpExec, at: []string{string(id)}})
	if err != nil {
		return nil, err
	}
	conn, answer, err := websocket.Dial(ctx, r.URL.String(), &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: r.Header, CompressionMode: websocket.CompressionDisabled,
	})
	switch {
	case err == nil:
		return api.NewStream(conn), nil
	case answer != nil && answer.StatusCode != http.StatusSwitchingProtocols:
		return nil, readProblem(answer)
	}
	return nil, c.broken(ctx, err)
}

// cutOff explains a stream that ended without an exit status or a problem: the
// daemon could not say why when nobody read what it sent.
func (c *Client) cutOff(ctx context.Context, id pool.LeaseID, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if l, asked := c.Lease(ctx, id); asked == nil && l.Ended != nil {
		return pool.Errorf(pool.ErrLeaseEnded, "", "cannot go on in %s: its lease %s has ended (%s)", l.Instance, id, l.Ended.Cause)
	}
	return pool.Errorf(pool.ErrUnreachable, "whether the command has ended is not known",
		"cannot follow the command in lease %s: the connection broke: %w", id, err)
}

// cut marks an error that is about the connection, not about the command.
type cut struct{ error }

// execution is the client's end of one command.
type execution struct {
	stream *api.Stream
	cmd    pool.Command
	// credit holds how much standard input may be sent. It is empty when none may.
	credit chan int
}

// feed starts to send what the caller has for the command. The goroutines end
// with ctx, but for one that is reading standard input.
func (x *execution) feed(ctx context.Context) {
	if x.cmd.Stdin != nil {
		go x.sendStdin(ctx)
	}
	go forward(ctx, x.cmd.Resize, func(s pool.Size) error { return x.stream.Tell(ctx, api.Control{Resize: &s}) })
	go forward(ctx, x.cmd.Signals, func(n int) error { return x.stream.Tell(ctx, api.Control{Signal: n}) })
}

func (x *execution) sendStdin(ctx context.Context) {
	buffer := make([]byte, api.MaxPayload)
	for {
		n, err := x.cmd.Stdin.Read(buffer)
		if x.sendWithin(ctx, buffer[:n]) != nil {
			return
		}
		if err != nil { // also one that is not io.EOF: the command shall not wait for more
			x.stream.Tell(ctx, api.Control{EOF: true})
			return
		}
	}
}

// sendWithin sends standard input as far as there is credit, and waits for more.
func (x *execution) sendWithin(ctx context.Context, data []byte) error {
	for len(data) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case credit := <-x.credit:
			n := min(credit, len(data))
			x.allow(credit - n)
			if err := x.stream.Send(ctx, api.Stdin, data[:n]); err != nil {
				return err
			}
			data = data[n:]
		}
	}
	return nil
}

// allow adds to the credit.
func (x *execution) allow(more int) {
	for more > 0 {
		select {
		case x.credit <- more:
			return
		case credit := <-x.credit:
			more += credit
		}
	}
}

// receive writes the output of the command until it has ended.
func (x *execution) receive(ctx context.Context) (int, error) {
	for {
		channel, data, control, err := x.stream.Receive(ctx)
		switch {
		case errors.Is(err, pool.ErrInvalid):
			return 0, err
		case err != nil:
			return 0, cut{err}
		case channel == api.Stdout:
			err = write(x.cmd.Stdout, data)
		case channel == api.Stderr:
			err = write(x.cmd.Stderr, data)
		case control.Credit > 0:
			x.allow(control.Credit)
		case control.Exit != nil:
			x.stream.Bye()
			return *control.Exit, nil
		case control.Problem != nil:
			x.stream.Bye()
			return 0, control.Problem.Err()
		default:
			return 0, pool.Invalidf("are both ends of the same version?", "cannot understand a message from lxd-poold: it is not for a client")
		}
		if err != nil {
			return 0, fmt.Errorf("cannot write the output of the command: %w", err)
		}
	}
}

func write(w io.Writer, data []byte) error {
	if w == nil {
		return nil
	}
	_, err := w.Write(data)
	return err
}

// forward sends what comes from a channel until it is closed, or ctx ends.
func forward[T any](ctx context.Context, from <-chan T, send func(T) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case v, ok := <-from:
			if !ok || send(v) != nil {
				return
			}
		}
	}
}

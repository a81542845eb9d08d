package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Detach runs a command in the instance of a running lease that goes on without
// us, as [pool.Manager.Detach] says. It returns when that is noted; after an
// error that is about the connection it may run all the same.
func (c *Client) Detach(ctx context.Context, id pool.LeaseID, cmd pool.Command) (*pool.Detached, error) {
	if cmd.Terminal || cmd.Login {
		return nil, pool.Invalidf("", "cannot detach a command: it would need a terminal")
	}
	body := api.Detach{Args: cmd.Args, Env: cmd.Env, Cwd: cmd.Cwd, User: cmd.User}
	return c.command(ctx, call{op: api.OpDetach, at: []string{string(id)}, in: body})
}

// Commands returns the detached commands of a running lease, oldest first.
func (c *Client) Commands(ctx context.Context, id pool.LeaseID) ([]*pool.Detached, error) {
	var list []*pool.Detached
	_, err := c.do(ctx, call{op: api.OpListCommands, at: []string{string(id)}}, &list)
	return list, err
}

// Command returns one detached command of a running lease.
func (c *Client) Command(ctx context.Context, id pool.LeaseID, command pool.CommandID) (*pool.Detached, error) {
	return c.command(ctx, call{op: api.OpGetCommand, at: []string{string(id), string(command)}})
}

// WaitCommand returns a detached command once it has ended.
func (c *Client) WaitCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID) (*pool.Detached, error) {
	return c.command(ctx, call{op: api.OpGetCommand, at: []string{string(id), string(command)}, query: url.Values{"wait": {"true"}}})
}

// SignalCommand sends a signal to a detached command that runs, or to what it
// has left behind that keeps its output open.
func (c *Client) SignalCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID, signal int) error {
	_, err := c.do(ctx, call{op: api.OpSignalCommand, at: []string{string(id), string(command)}, in: api.Signal{Signal: signal}}, nil)
	return err
}

// DeleteCommand forgets a detached command with its output. When it runs, it is
// killed first, with what it has left behind.
func (c *Client) DeleteCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID) error {
	_, err := c.do(ctx, call{op: api.OpDeleteCommand, at: []string{string(id), string(command)}}, nil)
	return err
}

func (c *Client) command(ctx context.Context, what call) (*pool.Detached, error) {
	var d pool.Detached
	if _, err := c.do(ctx, what, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// Output yields what a detached command has written, as far as it is kept: of
// each stream in order, of the two in turns. An error is the last.
func (c *Client) Output(ctx context.Context, q pool.OutputRequest) iter.Seq2[pool.OutputChunk, error] {
	return func(yield func(pool.OutputChunk, error) bool) {
		query := url.Values{}
		if q.Stream != "" {
			query.Set("stream", string(q.Stream))
		}
		if q.Follow {
			query.Set("follow", "true")
		}
		answer, err := c.send(ctx, call{op: api.OpOutput, at: []string{string(q.Lease), string(q.Command)}, query: query})
		if err != nil {
			yield(pool.OutputChunk{}, err)
			return
		}
		defer answer.Body.Close()
		for lines := json.NewDecoder(answer.Body); ; {
			var line api.OutputLine
			err := lines.Decode(&line)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(pool.OutputChunk{}, c.broken(ctx, err))
				return
			case line.Problem != nil:
				yield(pool.OutputChunk{}, line.Problem.Err())
				return
			case line.OutputChunk != nil && !yield(*line.OutputChunk, nil):
				return
			}
		}
	}
}

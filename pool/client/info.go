package client

import (
	"context"
	"io"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Info returns what the instance of a running lease is doing now, with the
// snapshots that were taken through the lease.
func (c *Client) Info(ctx context.Context, id pool.LeaseID) (*pool.Info, error) {
	var info pool.Info
	if _, err := c.do(ctx, call{op: api.OpGetInfo, at: []string{string(id)}}, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// Log returns the end of the log of the latest start of the instance of a
// running lease, at most [pool.LogLimit] bytes.
func (c *Client) Log(ctx context.Context, id pool.LeaseID) (string, error) {
	return c.text(ctx, call{op: api.OpGetLog, at: []string{string(id)}})
}

// Console returns the end of what the instance of a running lease wrote to its
// console, in the same form as [Client.Log]. While the instance runs, LXD tells
// only what is new since it was last asked; all of it when it is stopped.
func (c *Client) Console(ctx context.Context, id pool.LeaseID) (string, error) {
	return c.text(ctx, call{op: api.OpGetConsole, at: []string{string(id)}})
}

// text makes a call whose answer is text.
func (c *Client) text(ctx context.Context, what call) (string, error) {
	answer, err := c.send(ctx, what)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", c.broken(ctx, err)
	}
	return string(text), nil
}

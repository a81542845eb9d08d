package client

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Projects lists the projects of LXD, with the pools in them.
func (c *Client) Projects(ctx context.Context) ([]*pool.Project, error) {
	var list []*pool.Project
	_, err := c.do(ctx, call{op: api.OpListProjects}, &list)
	return list, err
}

// Project returns a project of LXD, with the pools in it.
func (c *Client) Project(ctx context.Context, name string) (*pool.Project, error) {
	return c.project(ctx, call{op: api.OpGetProject, at: []string{name}})
}

// InitProject makes a restricted project for pools, or brings one that it made
// to these limits (see [pool.Manager.InitProject]). On error nothing has changed.
func (c *Client) InitProject(ctx context.Context, name string, limits map[string]string) (*pool.Project, error) {
	return c.project(ctx, call{op: api.OpInitProject, in: api.InitProject{Name: name, Limits: limits}})
}

// DeleteProject deletes a project that InitProject made and in which nothing is
// left. One with pools is refused with [pool.ErrInUse].
func (c *Client) DeleteProject(ctx context.Context, name string) error {
	_, err := c.do(ctx, call{op: api.OpDeleteProject, at: []string{name}}, nil)
	return err
}

func (c *Client) project(ctx context.Context, what call) (*pool.Project, error) {
	var p pool.Project
	if _, err := c.do(ctx, what, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

package client

import (
	"context"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Profiles lists the profiles of an LXD project, "" for the default one.
func (c *Client) Profiles(ctx context.Context, project string) ([]*api.Profile, error) {
	var list []*api.Profile
	_, err := c.do(ctx, call{op: api.OpListProfiles, query: inProject(project)}, &list)
	for _, p := range list {
		p.ETag = api.ProfileETag(&p.Profile)
	}
	return list, err
}

// Profile returns a profile, with the pools that use it.
func (c *Client) Profile(ctx context.Context, project, name string) (*api.Profile, error) {
	return c.profile(ctx, call{op: api.OpGetProfile, at: []string{name}, query: inProject(project)})
}

// CreateProfile makes a profile. On error nothing was made.
func (c *Client) CreateProfile(ctx context.Context, project string, p pool.Profile) (*api.Profile, error) {
	return c.profile(ctx, call{op: api.OpCreateProfile, query: inProject(project), in: p})
}

// SetProfile sets keys of a profile from texts, as [pool.Profile.Set] reads
// them, all or none.
func (c *Client) SetProfile(ctx context.Context, project, name string, set map[string]string) (*api.Profile, error) {
	return c.profile(ctx, call{op: api.OpPatchProfile, at: []string{name}, query: inProject(project), in: api.EditProfile{Set: set}})
}

// PutProfile replaces description, config and devices of a profile. With an
// etag, from [Client.Profile], it is refused with [pool.ErrChanged] when they
// have changed since. A change by which a pool could make no more instances is
// refused with its name. On error nothing has changed.
func (c *Client) PutProfile(ctx context.Context, project, name string, p pool.Profile, etag string) (*api.Profile, error) {
	return c.profile(ctx, call{op: api.OpPutProfile, at: []string{name}, query: inProject(project), in: p, etag: etag})
}

// DeleteProfile deletes a profile. One that a pool or an instance uses is
// refused with [pool.ErrInUse].
func (c *Client) DeleteProfile(ctx context.Context, project, name string) error {
	_, err := c.do(ctx, call{op: api.OpDeleteProfile, at: []string{name}, query: inProject(project)}, nil)
	return err
}

func (c *Client) profile(ctx context.Context, what call) (*api.Profile, error) {
	var p api.Profile
	header, err := c.do(ctx, what, &p)
	if err != nil {
		return nil, err
	}
	p.ETag = header.Get("ETag")
	return &p, nil
}

func inProject(project string) url.Values {
	if project == "" {
		return nil
	}
	return url.Values{"project": {project}}
}

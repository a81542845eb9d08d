package client

import (
	"context"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Images lists what is in LXD's store, in a project, or on a remote, with the
// pools that need it. Of the filters all must fit: KEY=VALUE is about a property
// or a field such as type, anything else is part of an alias, a fingerprint or
// the description.
func (c *Client) Images(ctx context.Context, remote pool.RemoteName, project string, filters ...string) ([]pool.Image, error) {
	what := call{op: api.OpListImages, query: imageQuery(pool.ImageRef{Remote: remote, Project: project})}
	if len(filters) > 0 {
		what.query["filter"] = filters
	}
	var list []pool.Image
	_, err := c.do(ctx, what, &list)
	return list, err
}

// Image returns one image, with the pools that need it.
func (c *Client) Image(ctx context.Context, ref pool.ImageRef) (*pool.Image, error) {
	return c.image(ctx, call{op: api.OpGetImage, at: []string{ref.Name}, query: imageQuery(ref)})
}

// EditImage changes an image in LXD's store.
func (c *Client) EditImage(ctx context.Context, ref pool.ImageRef, e pool.ImageEdit) (*pool.Image, error) {
	if err := ref.Here("change"); err != nil {
		return nil, err
	}
	return c.image(ctx, call{op: api.OpPatchImage, at: []string{ref.Name}, query: imageQuery(ref), in: e})
}

// RefreshImage fetches an image anew if there is another one where it came from,
// and reports whether there was. Pools that name it by an alias follow.
func (c *Client) RefreshImage(ctx context.Context, ref pool.ImageRef) (bool, error) {
	if err := ref.Here("refresh"); err != nil {
		return false, err
	}
	var answer api.RefreshedImage
	_, err := c.do(ctx, call{op: api.OpRefreshImage, at: []string{ref.Name}, query: imageQuery(ref)}, &answer)
	return answer.Refreshed, err
}

// DeleteImage deletes an image of LXD's store. One that a pool needs is kept,
// with [pool.ErrInUse], unless force.
func (c *Client) DeleteImage(ctx context.Context, ref pool.ImageRef, force bool) error {
	if err := ref.Here("delete"); err != nil {
		return err
	}
	_, err := c.do(ctx, call{op: api.OpDeleteImage, at: []string{ref.Name}, query: forced(imageQuery(ref), force)}, nil)
	return err
}

// CopyImage fetches an image from a remote into LXD's store. When ctx ends first
// nothing is left of it.
func (c *Client) CopyImage(ctx context.Context, i pool.CopyImage) (*pool.Image, error) {
	return c.image(ctx, call{op: api.OpCopyImage, in: i})
}

// Publish makes an image from the instance of a running lease, in the project of
// its pool. When the lease or ctx ends first, there is none.
func (c *Client) Publish(ctx context.Context, id pool.LeaseID, p pool.PublishImage) (*pool.Image, error) {
	return c.image(ctx, call{op: api.OpPublish, at: []string{string(id)}, in: api.NewPublish(p)})
}

// PublishInstance makes an image from any instance of a project, also one that
// is none of a pool's. It is for operators.
func (c *Client) PublishInstance(ctx context.Context, project string, name pool.InstanceName, p pool.PublishImage) (*pool.Image, error) {
	p.Project = project
	return c.image(ctx, call{op: api.OpPublishInstance, in: api.PublishInstance{Instance: name, PublishImage: p}})
}

// ImageAliases lists the aliases in LXD's store, by name.
func (c *Client) ImageAliases(ctx context.Context, project string) ([]pool.ImageAlias, error) {
	var list []pool.ImageAlias
	_, err := c.do(ctx, call{op: api.OpListImageAliases, query: imageQuery(pool.ImageRef{Project: project})}, &list)
	return list, err
}

// CreateImageAlias gives an image of LXD's store one more name.
func (c *Client) CreateImageAlias(ctx context.Context, project string, a pool.ImageAlias) (*pool.ImageAlias, error) {
	var made pool.ImageAlias
	if _, err := c.do(ctx, call{op: api.OpCreateImageAlias, query: imageQuery(pool.ImageRef{Project: project}), in: a}, &made); err != nil {
		return nil, err
	}
	return &made, nil
}

// DeleteImageAlias takes a name away; the image stays. One that a pool's spec
// names is kept, with [pool.ErrInUse], unless force.
func (c *Client) DeleteImageAlias(ctx context.Context, project, name string, force bool) error {
	query := forced(imageQuery(pool.ImageRef{Project: project}), force)
	_, err := c.do(ctx, call{op: api.OpDeleteImageAlias, at: []string{name}, query: query}, nil)
	return err
}

func (c *Client) image(ctx context.Context, what call) (*pool.Image, error) {
	var i pool.Image
	if _, err := c.do(ctx, what, &i); err != nil {
		return nil, err
	}
	return &i, nil
}

func imageQuery(ref pool.ImageRef) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"remote": string(ref.Remote), "project": ref.Project, "type": string(ref.Type)} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

func forced(query url.Values, force bool) url.Values {
	if force {
		query.Set("force", "true")
	}
	return query
}

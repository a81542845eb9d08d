package pooltest_test

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (d direct) Profiles(ctx context.Context, project string) ([]*pool.Profile, error) {
	return d.e.m.Profiles(ctx, project)
}

func (d direct) Profile(ctx context.Context, project, name string) (*pool.Profile, error) {
	return d.e.m.Profile(ctx, project, name)
}

func (d direct) CreateProfile(ctx context.Context, project string, p pool.Profile) (*pool.Profile, error) {
	return d.e.m.CreateProfile(ctx, project, p)
}

func (d direct) SetProfile(ctx context.Context, project, name string, set map[string]string) (*pool.Profile, error) {
	return d.e.m.EditProfile(ctx, project, name, func(p *pool.Profile) error {
		for key, text := range set {
			if err := p.Set(key, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d direct) DeleteProfile(ctx context.Context, project, name string) error {
	return d.e.m.DeleteProfile(ctx, project, name)
}

func (r remote) Profiles(ctx context.Context, project string) ([]*pool.Profile, error) {
	list, err := r.Client.Profiles(ctx, project)
	var all []*pool.Profile
	for _, p := range list {
		all = append(all, &p.Profile)
	}
	return all, err
}

func (r remote) Profile(ctx context.Context, project, name string) (*pool.Profile, error) {
	return profile(r.Client.Profile(ctx, project, name))
}

func (r remote) CreateProfile(ctx context.Context, project string, p pool.Profile) (*pool.Profile, error) {
	return profile(r.Client.CreateProfile(ctx, project, p))
}

func (r remote) SetProfile(ctx context.Context, project, name string, set map[string]string) (*pool.Profile, error) {
	return profile(r.Client.SetProfile(ctx, project, name, set))
}

func profile(p *api.Profile, err error) (*pool.Profile, error) {
	if err != nil {
		return nil, err
	}
	return &p.Profile, nil
}

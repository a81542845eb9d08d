package simbackend

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Projects = (*Backend)(nil)

// seedProjects makes the projects of the options, and their profiles.
func (b *Backend) seedProjects() {
	for _, name := range b.o.Projects {
		if b.world.projects[name] == nil {
			b.world.projects[name] = &pool.Project{Name: name}
		}
		b.seedProfiles(name)
	}
}

func (b *Backend) needProject(name string) error {
	_, err := b.findProject(name)
	return err
}

func (b *Backend) findProject(name string) (*pool.Project, error) {
	if p := b.world.projects[name]; p != nil {
		return p, nil
	}
	return nil, pool.Errorf(pool.ErrNotFound, `see "lxd-pool project list", or make it with "lxd-pool init --project `+name+`"`,
		"cannot find project %q: there is none of that name", name)
}

// copyProject is what callers get: they may change it.
func copyProject(p *pool.Project) *pool.Project {
	made := *p
	made.Limits, made.Config, made.Pools = cloneOrEmpty(p.Limits), cloneOrEmpty(p.Config), nil
	return &made
}

// Projects implements [pool.Projects].
func (b *Backend) Projects(ctx context.Context) (list []*pool.Project, err error) {
	err = b.look(ctx, Profiles, "", func() error {
		for _, p := range b.world.projects {
			list = append(list, copyProject(p))
		}
		return nil
	})
	slices.SortFunc(list, func(x, y *pool.Project) int { return cmp.Compare(x.Name, y.Name) })
	return list, err
}

// Project implements [pool.Projects].
func (b *Backend) Project(ctx context.Context, name string) (found *pool.Project, err error) {
	err = b.look(ctx, Profiles, "", func() error {
		p, err := b.findProject(name)
		if err == nil {
			found = copyProject(p)
		}
		return err
	})
	return found, err
}

// InitProject implements [pool.Projects]. The limits are kept, and limit nothing.
func (b *Backend) InitProject(ctx context.Context, name string, limits, shares map[string]string) error {
	return b.look(ctx, Profiles, "", func() error {
		if now := b.world.projects[name]; now != nil && !now.Made {
			return pool.Errorf(pool.ErrExists, "choose another name, or have pools made in it as it is: lxd-pool create --project "+name,
				"cannot set up project %s: there is one that lxd-pool did not make", name)
		}
		profile := b.world.profiles[profileKey{name, "default"}]
		if profile == nil {
			profile = &pool.Profile{Name: "default", Project: name}
		}
		profile = copyProfile(profile)
		if len(profile.Devices) == 0 {
			profile.Devices["root"] = map[string]string{"type": "disk", "path": "/", "pool": storagePool}
			profile.Devices["eth0"] = map[string]string{"type": "nic", "name": "eth0", "network": network}
		}
		for key, share := range shares {
			if key != "disk" {
				profile.Config["limits."+key] = share
			}
		}
		made := &pool.Project{Name: name, Description: "Pools of lxd-pool", Restricted: true, Made: true, Limits: maps.Clone(limits)}
		if err := b.world.putProject(made); err != nil {
			return err
		}
		return b.world.putProfile(profile)
	})
}

// DeleteProject implements [pool.Projects].
func (b *Backend) DeleteProject(ctx context.Context, name string) error {
	return b.look(ctx, Profiles, "", func() error {
		if _, err := b.findProject(name); err != nil {
			return err
		}
		for k := range b.world.instances {
			if k.project == name {
				return pool.Errorf(pool.ErrInUse, "", "cannot delete project %s: instance %s is in it", name, k.name)
			}
		}
		return b.world.dropProject(name)
	})
}

// putProject and dropProject change a project of the world. On error nothing
// has changed.
func (w *world) putProject(p *pool.Project) error {
	if err := w.file.write(line{Project: p}); err != nil {
		return err
	}
	w.projects[p.Name] = p
	return nil
}

func (w *world) dropProject(name string) error {
	if err := w.file.write(line{NoProject: name}); err != nil {
		return err
	}
	w.forgetProject(name)
	return nil
}

// forgetProject ends a project and its profiles.
func (w *world) forgetProject(name string) {
	delete(w.projects, name)
	maps.DeleteFunc(w.profiles, func(k profileKey, _ *pool.Profile) bool { return k.project == name })
}

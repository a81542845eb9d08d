package simbackend

import (
	"cmp"
	"context"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Profiles = (*Backend)(nil)

// profileKey is what LXD knows a profile by.
type profileKey struct{ project, name string }

// The names of what devices are on.
const (
	storagePool = "default"
	network     = "lxdbr0"
)

// seedProfiles gives every project its profiles, those of the options.
func (b *Backend) seedProfiles(project string) {
	for _, name := range b.o.Profiles {
		k := profileKey{project, name}
		if b.world.profiles[k] == nil {
			b.world.profiles[k] = &pool.Profile{Name: name, Project: project}
		}
	}
}

// Profiles implements [pool.Profiles].
func (b *Backend) Profiles(ctx context.Context, project string) (list []*pool.Profile, err error) {
	project = cmp.Or(project, "default")
	err = b.look(ctx, Profiles, "", func() error {
		if err := b.needProject(project); err != nil {
			return err
		}
		for k, p := range b.world.profiles {
			if k.project == project {
				list = append(list, copyProfile(p))
			}
		}
		return nil
	})
	slices.SortFunc(list, func(x, y *pool.Profile) int { return cmp.Compare(x.Name, y.Name) })
	return list, err
}

// Profile implements [pool.Profiles].
func (b *Backend) Profile(ctx context.Context, project, name string) (found *pool.Profile, err error) {
	err = b.look(ctx, Profiles, "", func() error {
		p, err := b.findProfile(project, name)
		if err == nil {
			found = copyProfile(p)
		}
		return err
	})
	return found, err
}

func (b *Backend) findProfile(project, name string) (*pool.Profile, error) {
	project = cmp.Or(project, "default")
	if err := b.needProject(project); err != nil {
		return nil, err
	}
	p := b.world.profiles[profileKey{project, name}]
	if p == nil {
		return nil, pool.Errorf(pool.ErrNotFound, `see "lxd-pool profile list --project `+project+`"`,
			"cannot find profile %q: project %q has none of that name", name, project)
	}
	return p, nil
}

// copyProfile is what callers get: they may change it.
func copyProfile(p *pool.Profile) *pool.Profile {
	made := *p
	made.Pools, made.UsedBy = nil, nil
	made.Config, made.Devices = cloneOrEmpty(p.Config), cloneOrEmpty(p.Devices)
	return &made
}

// CreateProfile implements [pool.Profiles].
func (b *Backend) CreateProfile(ctx context.Context, project string, p *pool.Profile) error {
	project = cmp.Or(project, "default")
	return b.look(ctx, Profiles, "", func() error {
		if err := b.needProject(project); err != nil {
			return err
		}
		if b.world.profiles[profileKey{project, p.Name}] != nil {
			return pool.Errorf(pool.ErrExists, `choose another name, or change it with "lxd-pool profile edit"`,
				"cannot create profile %s: there is one of that name", p.Name)
		}
		return b.putProfile(project, p)
	})
}

func (b *Backend) putProfile(project string, p *pool.Profile) error {
	if err := vetDevices(p.Devices); err != nil {
		return pool.Errorf(pool.ErrInvalid, "", "cannot change profile %s: %w", p.Name, err)
	}
	made := copyProfile(p)
	made.Project = project
	return b.world.putProfile(made)
}

// ReplaceProfile implements [pool.Profiles].
func (b *Backend) ReplaceProfile(ctx context.Context, project string, from, to *pool.Profile) error {
	return b.look(ctx, Profiles, "", func() error {
		now, err := b.findProfile(project, from.Name)
		if err != nil {
			return err
		}
		if !now.Same(from) {
			return pool.Errorf(pool.ErrChanged, "read it again and repeat the edit",
				"cannot change profile %s: it was changed since it was read", from.Name)
		}
		return b.putProfile(now.Project, to)
	})
}

// VetProfile implements [pool.Profiles].
func (b *Backend) VetProfile(ctx context.Context, o pool.Order, p *pool.Profile) error {
	return b.look(ctx, Vet, "", func() error {
		devices := map[string]map[string]string{}
		for _, name := range o.Spec.Profiles {
			of := p
			if name != p.Name {
				var err error
				if of, err = b.findProfile(o.Spec.Project, name); err != nil {
					return err
				}
			}
			maps.Copy(devices, of.Devices)
		}
		maps.Copy(devices, o.Spec.Devices)
		return vetDevices(devices)
	})
}

// DeleteProfile implements [pool.Profiles].
func (b *Backend) DeleteProfile(ctx context.Context, project, name string) error {
	return b.look(ctx, Profiles, "", func() error {
		p, err := b.findProfile(project, name)
		if err != nil {
			return err
		}
		if name == "default" {
			return pool.Errorf(pool.ErrInvalid, "", "cannot delete profile %s: every project has one", name)
		}
		return b.world.dropProfile(p)
	})
}

// vetDevices refuses what is on a storage pool or network that is not there.
func vetDevices(devices map[string]map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		d := devices[name]
		if at := d["pool"]; d["type"] == "disk" && at != "" && at != storagePool {
			return pool.Errorf(pool.ErrRejected, "", "cannot use device %q: there is no storage pool %q", name, at)
		}
		if at := d["network"]; d["type"] == "nic" && at != "" && at != network {
			return pool.Errorf(pool.ErrRejected, "", "cannot use device %q: there is no network %q", name, at)
		}
	}
	return nil
}

// bakedProfiles is what the content of a spec's profiles adds to an origin.
func (b *Backend) bakedProfiles(s *pool.Spec) string {
	h := fnv.New32a()
	empty := h.Sum32()
	for _, name := range s.Profiles {
		p := b.world.profiles[profileKey{cmp.Or(s.Project, "default"), name}]
		if p == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(p.Config)) {
			h.Write([]byte(key + "=" + p.Config[key] + "\n"))
		}
		for _, device := range slices.Sorted(maps.Keys(p.Devices)) {
			for _, key := range slices.Sorted(maps.Keys(p.Devices[device])) {
				h.Write([]byte(device + "." + key + "=" + p.Devices[device][key] + "\n"))
			}
		}
	}
	if h.Sum32() == empty {
		return ""
	}
	return "+" + strconv.FormatUint(uint64(h.Sum32()), 16)
}

// putProfile and dropProfile change a profile of the world. On error nothing
// has changed.
func (w *world) putProfile(p *pool.Profile) error {
	if err := w.file.write(line{Profile: p}); err != nil {
		return err
	}
	w.profiles[profileKey{p.Project, p.Name}] = p
	return nil
}

func (w *world) dropProfile(p *pool.Profile) error {
	k := profileKey{p.Project, p.Name}
	if err := w.file.write(line{NoProfile: &profileLine{k.project, k.name}}); err != nil {
		return err
	}
	delete(w.profiles, k)
	return nil
}

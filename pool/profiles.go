package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Profile is config and devices of LXD's under a name, which the instances of a
// pool can be made by.
type Profile struct {
	Name string `json:"name"`
	// Project is where it lives: that of "default" for a project that keeps no
	// profiles of its own.
	Project     string                       `json:"project,omitempty"`
	Description string                       `json:"description"`
	Config      map[string]string            `json:"config"`
	Devices     map[string]map[string]string `json:"devices"`
	// Pools are those whose specs name it, UsedBy what else LXD knows of.
	Pools  []PoolName `json:"pools,omitempty"`
	UsedBy []string   `json:"used_by,omitempty"`
}

// Profiles is a power that a [Backend] may have: the profiles of LXD's projects.
type Profiles interface {
	// Profiles lists the profiles of a project, by name.
	Profiles(ctx context.Context, project string) ([]*Profile, error)
	// Profile returns one, or [ErrNotFound].
	Profile(ctx context.Context, project, name string) (*Profile, error)
	// CreateProfile makes one, or says [ErrExists].
	CreateProfile(ctx context.Context, project string, p *Profile) error
	// ReplaceProfile changes a profile from one content to another. It says
	// [ErrChanged] when the content is no longer the first, and changes nothing
	// when it fails.
	ReplaceProfile(ctx context.Context, project string, from, to *Profile) error
	// VetProfile nil: an instance of the order's spec could be made if p stood in
	// the place of the profile of that name.
	VetProfile(ctx context.Context, o Order, p *Profile) error
	// DeleteProfile deletes one that nothing uses; [ErrInUse] says what does.
	DeleteProfile(ctx context.Context, project, name string) error
}

// Profiles lists the profiles of an LXD project, by name.
func (m *Manager) Profiles(ctx context.Context, project string) ([]*Profile, error) {
	power, err := powerOf[Profiles](m, "list profiles")
	if err != nil {
		return nil, err
	}
	list, err := power.Profiles(ctx, project)
	if err != nil {
		return nil, err
	}
	users := m.profileUsers(power)
	for _, p := range list {
		if p.Pools, err = users(ctx, p); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Profile returns a profile of an LXD project, with the pools that use it.
func (m *Manager) Profile(ctx context.Context, project, name string) (*Profile, error) {
	power, err := powerOf[Profiles](m, "show a profile")
	if err != nil {
		return nil, err
	}
	return m.profile(ctx, power, project, name)
}

func (m *Manager) profile(ctx context.Context, power Profiles, project, name string) (*Profile, error) {
	p, err := power.Profile(ctx, project, name)
	if err == nil {
		p.Pools, err = m.profileUsers(power)(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// CreateProfile makes a profile in an LXD project. On error nothing was made.
func (m *Manager) CreateProfile(ctx context.Context, project string, p Profile) (*Profile, error) {
	power, err := powerOf[Profiles](m, "create a profile")
	if err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := power.CreateProfile(ctx, project, &p); err != nil {
		return nil, err
	}
	return m.profile(ctx, power, project, p.Name)
}

// EditProfile changes a profile. edit gets a copy of it, and may be called again
// when another edit came between. A change by which a pool could make no more
// instances is refused with its name. On error nothing has changed. Idle
// instances of the pools that use it are replaced a few at a time.
func (m *Manager) EditProfile(ctx context.Context, project, name string, edit func(*Profile) error) (*Profile, error) {
	power, err := powerOf[Profiles](m, "edit a profile")
	if err != nil {
		return nil, err
	}
	for {
		before, err := m.profile(ctx, power, project, name)
		if err != nil {
			return nil, err
		}
		after := *before
		if err := edit(&after); err != nil {
			return nil, err
		}
		after.Name, after.Project = before.Name, before.Project
		if after.Same(before) {
			return before, nil
		}
		if err := after.Validate(); err != nil {
			return nil, err
		}
		if err := m.vetProfile(ctx, power, &after, before.Pools); err != nil {
			return nil, err
		}
		err = power.ReplaceProfile(ctx, project, before, &after)
		if errors.Is(err, ErrChanged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m.resolveSoon(before.Pools)
		return m.profile(ctx, power, project, name)
	}
}

// vetProfile refuses a change that breaks a pool.
func (m *Manager) vetProfile(ctx context.Context, power Profiles, p *Profile, pools []PoolName) error {
	for _, name := range pools {
		status, err := m.Pool(ctx, name)
		if errors.Is(err, ErrNoPool) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		full := status.Spec.WithDefaults()
		err = power.VetProfile(ctx, Order{Manager: m.env.manager, Pool: name, Spec: &full}, p)
		if !errors.Is(err, ErrRejected) {
			if err != nil {
				return err
			}
			continue
		}
		if e, ok := errors.AsType[*Error](err); ok && e.Cause != nil {
			err = e.Cause
		}
		return Errorf(ErrRejected, fmt.Sprintf("correct it, or first take it out of the pool with \"lxd-pool set %s profiles=...\"", name),
			"cannot change profile %s: pool %s, which uses it, could make no more instances: %w", p.Name, name, err)
	}
	return nil
}

// resolveSoon has pools look again at what their instances are made from.
func (m *Manager) resolveSoon(pools []PoolName) {
	for _, name := range pools {
		if w, err := m.writer(name); err == nil {
			w.tell(w.life, func(t *turn) { t.resolve() })
		}
	}
}

// DeleteProfile deletes a profile. One that a pool or an instance uses is
// refused with [ErrInUse].
func (m *Manager) DeleteProfile(ctx context.Context, project, name string) error {
	power, err := powerOf[Profiles](m, "delete a profile")
	if err != nil {
		return err
	}
	p, err := m.profile(ctx, power, project, name)
	if err != nil {
		return err
	}
	if len(p.Pools) > 0 {
		return Errorf(ErrInUse, fmt.Sprintf("take it out first, such as with \"lxd-pool set %s profiles=default\"", p.Pools[0]),
			"cannot delete profile %s: pool %s uses it", name, joinNames(p.Pools))
	}
	return power.DeleteProfile(ctx, project, name)
}

func joinNames(names []PoolName) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = string(name)
	}
	return strings.Join(list, ", ")
}

// profileUsers returns a function that finds the pools whose specs name a
// profile. Pools of another project count when that uses the same profiles.
func (m *Manager) profileUsers(power Profiles) func(context.Context, *Profile) ([]PoolName, error) {
	homes := map[string]string{} // of the profiles that a project uses
	home := func(ctx context.Context, project string) (string, error) {
		if homes[project] == "" {
			p, err := power.Profile(ctx, project, "default") // every project has it
			if errors.Is(err, ErrNotFound) {
				return "", nil // the project is gone
			}
			if err != nil {
				return "", err
			}
			homes[project] = p.Project
		}
		return homes[project], nil
	}
	return func(ctx context.Context, p *Profile) (users []PoolName, err error) {
		homes[p.Project] = p.Project
		all, err := m.Pools(ctx)
		if err != nil {
			return nil, err
		}
		for _, status := range all {
			spec := status.Spec.WithDefaults()
			if !slices.Contains(spec.Profiles, p.Name) {
				continue
			}
			at, err := home(ctx, spec.Project)
			if err != nil {
				return nil, err
			}
			if at == p.Project {
				users = append(users, status.Name)
			}
		}
		return users, nil
	}
}

// Same reports whether p has the content of other: description, config, devices.
func (p *Profile) Same(other *Profile) bool {
	return p.Description == other.Description && maps.Equal(p.Config, other.Config) &&
		(len(p.Devices) == 0 && len(other.Devices) == 0 || reflect.DeepEqual(p.Devices, other.Devices))
}

// Validate reports, as an [ErrInvalid], the first thing in p that no LXD would take.
func (p *Profile) Validate() error {
	switch {
	case p.Name == "":
		return Invalidf("", "cannot use a profile without a name")
	case p.Name == "." || p.Name == ".." || strings.ContainsAny(p.Name, "/ \t\n"):
		return Invalidf("use letters, digits and hyphens", "cannot use %q as the name of a profile: it is not a name that LXD would take", p.Name)
	}
	return validateLXD(p.Config, p.Devices)
}

// Set changes one key of p from text: "description", "config.KEY", or
// "device.NAME" with a value such as "type=disk,source=/srv,path=/srv". An
// empty value removes.
func (p *Profile) Set(key, value string) error {
	if key == "description" {
		p.Description = value
		return nil
	}
	if done, err := setLXD(&p.Config, &p.Devices, key, value); done || err != nil {
		return err
	}
	return Invalidf("the keys are description, config.KEY and device.NAME", "cannot set %q: a profile has no such key", key)
}

package pooltest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// ProfileService is the verbs of profiles.
type ProfileService interface {
	Profiles(ctx context.Context, project string) ([]*pool.Profile, error)
	Profile(ctx context.Context, project, name string) (*pool.Profile, error)
	CreateProfile(ctx context.Context, project string, p pool.Profile) (*pool.Profile, error)
	SetProfile(ctx context.Context, project, name string, set map[string]string) (*pool.Profile, error)
	DeleteProfile(ctx context.Context, project, name string) error
}

var profileCases = []testCase{
	{"AChangedProfileReplacesTheInstancesOfItsPools", func(b *bench) {
		_, err := b.root.CreateProfile(b.Context(), "", pool.Profile{Name: "small", Config: map[string]string{"limits.cpu": "1"}})
		b.must(err)
		b.create(pool.Spec{Size: 2, Profiles: []string{"default", "small"}})
		held := b.acquire(b.alice, pool.AcquireRequest{})[0]
		b.settle()
		before, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		changed, err := b.root.SetProfile(b.Context(), "", "small", map[string]string{"config.limits.cpu": "2", "description": "two"})
		b.must(err)
		if changed.Config["limits.cpu"] != "2" || changed.Description != "two" || !slices.Equal(changed.Pools, []pool.PoolName{"ci"}) {
			b.Fatalf("the profile is %+v", changed)
		}
		b.settle()
		after, err := b.root.Instances(b.Context(), "ci")
		b.must(err)
		for _, name := range after {
			if slices.Contains(before, name) != (name == held.Lease.Instance) {
				b.Errorf("%s of %v was there before: %v; leased is %s", name, after, slices.Contains(before, name), held.Lease.Instance)
			}
		}
	}},
	{"AProfileThatAPoolUsesIsNeitherDeletedNorBroken", func(b *bench) {
		_, err := b.root.CreateProfile(b.Context(), "", pool.Profile{Name: "small"})
		b.must(err)
		b.create(pool.Spec{Profiles: []string{"small"}})
		if err := b.root.DeleteProfile(b.Context(), "", "small"); !errors.Is(err, pool.ErrInUse) || !strings.Contains(err.Error(), "pool ci") {
			b.Errorf("deleting it: %v", err)
		}
		_, err = b.root.SetProfile(b.Context(), "", "small", map[string]string{"device.root": "type=disk,path=/,pool=nosuch"})
		if !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "pool ci") {
			b.Errorf("breaking it: %v", err)
		}
		p, err := b.root.Profile(b.Context(), "", "small")
		b.must(err)
		if len(p.Devices) != 0 {
			b.Errorf("the profile is %+v", p)
		}
		_, err = b.root.SetPool(b.Context(), "ci", map[string]string{"profiles": "none"})
		b.must(err)
		b.must(b.root.DeleteProfile(b.Context(), "", "small"))
		if _, err := b.root.Profile(b.Context(), "", "small"); !errors.Is(err, pool.ErrNotFound) {
			b.Errorf("the deleted one: %v", err)
		}
	}},
	{"APoolWithoutProfilesStaysSo", func(b *bench) {
		b.create(pool.Spec{Size: 1, Profiles: []string{}})
		b.Restart()
		b.settle()
		status, err := b.root.Pool(b.Context(), "ci")
		b.must(err)
		if status.Spec.Profiles == nil || len(status.Spec.Profiles) != 0 {
			b.Fatalf("its profiles are %#v", status.Spec.Profiles)
		}
	}},
	{"BadProfilesAreRefusedAndNothingIsMade", func(b *bench) {
		ctx := b.Context()
		for what, want := range map[string]struct {
			err  error
			kind error
		}{
			"no name":    {second(b.root.CreateProfile(ctx, "", pool.Profile{})), pool.ErrInvalid},
			"a bad key":  {second(b.root.CreateProfile(ctx, "", pool.Profile{Name: "p", Config: map[string]string{"volatile.x": "1"}})), pool.ErrInvalid},
			"no type":    {second(b.root.CreateProfile(ctx, "", pool.Profile{Name: "p", Devices: map[string]map[string]string{"a": {}}})), pool.ErrInvalid},
			"no project": {second(b.root.CreateProfile(ctx, "nosuch", pool.Profile{Name: "p"})), pool.ErrNotFound},
			"there":      {second(b.root.CreateProfile(ctx, "", pool.Profile{Name: "default"})), pool.ErrExists},
			"not there":  {second(b.root.SetProfile(ctx, "", "p", map[string]string{"description": "x"})), pool.ErrNotFound},
			"no such":    {second(b.root.SetProfile(ctx, "", "default", map[string]string{"colour": "red"})), pool.ErrInvalid},
		} {
			if !errors.Is(want.err, want.kind) || !strings.HasPrefix(want.err.Error(), "cannot ") {
				b.Errorf("%s: %v, not %v", what, want.err, want.kind)
			}
		}
		all, err := b.root.Profiles(ctx, "")
		b.must(err)
		if len(all) != 1 {
			b.Errorf("there are %d profiles", len(all))
		}
	}},
}

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

// Vet implements [pool.Backend].
func (b *Backend) Vet(ctx context.Context, o pool.Order) (origin pool.Origin, err error) {
	err = b.look(ctx, Vet, "", func() error {
		if err := b.rejects(o.Spec); err != nil {
			return err
		}
		origin, err = b.resolve(o.Spec)
		return err
	})
	return origin, err
}

// Resolve implements [pool.Backend].
func (b *Backend) Resolve(ctx context.Context, o pool.Order) (origin pool.Origin, err error) {
	err = b.look(ctx, Resolve, "", func() error {
		origin, err = b.resolve(o.Spec)
		return err
	})
	return origin, err
}

// SetImage changes the fingerprint behind an alias; "" removes the alias.
func (b *Backend) SetImage(alias, fingerprint string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.inStore("default", alias); s != nil {
		s.Aliases = slices.DeleteFunc(s.Aliases, func(a string) bool { return a == alias })
	}
	if fingerprint == "" {
		delete(b.images, alias)
		return
	}
	b.images[alias] = fingerprint
}

// resolve looks an alias or a fingerprint up. What setup bakes into a template
// is part of the origin.
func (b *Backend) resolve(s *pool.Spec) (pool.Origin, error) {
	fingerprint := b.images[s.Image]
	if fingerprint == "" && b.hasFingerprint(s.Image) {
		fingerprint = s.Image
	}
	if remote, name := pool.SplitImage(s.Image); fingerprint == "" && remote == "" {
		fingerprint = b.fingerprintIn(s.Project, name)
	} else if _, added := b.remotes[remote]; fingerprint == "" && added && name == "busybox" {
		fingerprint = "simbusya"
	}
	if fingerprint == "" {
		return "", pool.Errorf(pool.ErrRejected, "use one of "+join(maps.Keys(b.images)),
			"cannot use image %q: there is no such image", s.Image)
	}
	return pool.Origin(fingerprint + b.baked(s)), nil
}

func (b *Backend) hasFingerprint(fingerprint string) bool {
	return slices.Contains(slices.Collect(maps.Values(b.images)), fingerprint) ||
		slices.ContainsFunc(b.store, func(s *stored) bool { return s.Fingerprint == fingerprint })
}

func (b *Backend) baked(s *pool.Spec) string {
	if s.Setup == "" {
		return b.bakedProfiles(s)
	}
	h := fnv.New32a()
	h.Write([]byte(s.Setup))
	return "+" + strconv.FormatUint(uint64(h.Sum32()), 16) + b.bakedProfiles(s)
}

// rejects says what in the spec a new instance could not be made with.
func (b *Backend) rejects(s *pool.Spec) error {
	if s.Project != "" && b.world.projects[s.Project] == nil {
		return rejected("project", s.Project)
	}
	for _, p := range s.Profiles {
		if b.world.profiles[profileKey{cmp.Or(s.Project, "default"), p}] == nil {
			return rejected("profile", p)
		}
	}
	return vetDevices(s.Devices)
}

func rejected(what, name string) error {
	return pool.Errorf(pool.ErrRejected, "", "cannot use %s %q: there is no such %s", what, name, what)
}

package simbackend

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Create implements [pool.Backend].
func (b *Backend) Create(ctx context.Context, o pool.Order) (pool.Origin, error) {
	origin, err := b.originFor(o)
	if err != nil {
		return "", err
	}
	if err := b.template(ctx, o, origin); err != nil {
		return "", err
	}
	err = b.change(ctx, Create, o, deed{
		begin: func() (bool, error) { return b.beginCreate(o, &origin) },
		end: func() error {
			return b.alter(Create, keyOf(o), func(in *instance) { in.Made = true })
		},
		undo: func() { b.world.drop(keyOf(o)) },
	})
	if err != nil {
		return "", err
	}
	return origin, nil
}

// originFor returns the origin that was ordered if it can still be had.
func (b *Backend) originFor(o pool.Order) (pool.Origin, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return "", unreachable(Create, o.Instance)
	}
	if err := b.rejects(o.Spec); err != nil {
		return "", err
	}
	if o.Origin != "" && b.canBeHad(o) {
		return o.Origin, nil
	}
	return b.resolve(o.Spec)
}

func (b *Backend) canBeHad(o pool.Order) bool {
	if t := b.world.instances[templateKey(o, o.Origin)]; t != nil && t.Made {
		return true
	}
	fingerprint, _, _ := strings.Cut(string(o.Origin), "+")
	return string(o.Origin) == fingerprint+b.baked(o.Spec) && b.hasFingerprint(fingerprint)
}

// beginCreate puts the instance into the listing, where it looks finished.
func (b *Backend) beginCreate(o pool.Order, origin *pool.Origin) (done bool, err error) {
	k := keyOf(o)
	switch in := b.world.instances[k]; {
	case in != nil && in.Manager != o.Manager:
		return false, failed(Create, o.Instance, "an instance of that name exists")
	case in != nil && in.Used:
		b.accuse("create of %s, which is in use", o.Instance)
		return false, b.makeAnew(o, *origin)
	case in != nil && in.Made:
		*origin = in.Origin
		return true, nil
	case in != nil: // an earlier call stopped half way
		return false, b.makeAnew(o, *origin)
	}
	if b.o.Capacity > 0 && b.world.total >= b.o.Capacity {
		return false, failed(Create, o.Instance, "no space left on device")
	}
	if _, used := b.world.used[k]; used {
		b.accuse("create of %s: its name was used before", o.Instance)
	}
	return false, b.makeAnew(o, *origin)
}

func (b *Backend) makeAnew(o pool.Order, origin pool.Origin) error {
	k := keyOf(o)
	return b.world.put(&instance{
		Project: k.project, Name: k.name, Manager: o.Manager, Pool: o.Pool,
		Origin: origin, Status: pool.Stopped, Created: time.Now(), Location: location(o.Spec),
		Snapshot: o.Spec.Recycle == pool.ResetToSnapshot, Number: b.world.number + 1,
	})
}

func location(s *pool.Spec) string {
	if s.Target == "" || strings.HasPrefix(s.Target, "@") {
		return "sim"
	}
	return s.Target
}

// template makes the template of the order's pool and origin, unless there is
// one. Those who come while it is being built wait for it.
func (b *Backend) template(ctx context.Context, o pool.Order, origin pool.Origin) error {
	k := templateKey(o, origin)
	t := o
	t.Instance = k.name
	return b.change(ctx, Template, t, deed{
		begin: func() (bool, error) {
			if in := b.world.instances[k]; in != nil {
				return in.Made, nil
			}
			return false, b.world.put(&instance{
				Project: k.project, Name: k.name, Manager: o.Manager, Pool: o.Pool,
				Template: pool.Building, Status: pool.Stopped, Created: time.Now(), Location: location(o.Spec),
			})
		},
		end: func() error {
			return b.alter(Template, k, func(in *instance) { in.Template, in.Made = origin, true })
		},
		undo: func() { b.world.drop(k) },
	})
}

// templateKey names a template so that those of two managers never collide.
func templateKey(o pool.Order, origin pool.Origin) key {
	h := fnv.New32a()
	fmt.Fprint(h, o.Manager, "/", o.Pool, "/", origin)
	return key{projectOf(o), pool.InstanceName(fmt.Sprintf("%s-template-%08x", o.Pool, h.Sum32()))}
}

package simbackend

import (
	"context"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Forward implements [pool.Forwarder]. Nothing listens at the ports, but no two
// instances have the same one.
func (b *Backend) Forward(ctx context.Context, o pool.Order, forwards []pool.Forward) error {
	return b.look(ctx, Forward, o.Instance, func() error {
		if _, err := b.find(Forward, o); err != nil {
			return err
		}
		for _, f := range forwards {
			if b.listens(f, keyOf(o)) {
				return pool.Errorf(pool.ErrInUse, "choose another port", "cannot forward %s: something has this port already", f.Listen)
			}
		}
		return b.alter(Forward, keyOf(o), func(in *instance) { in.Forwards = slices.Clone(forwards) })
	})
}

// listens reports whether the port of f leads to another instance.
func (b *Backend) listens(f pool.Forward, but key) bool {
	for k, in := range b.world.instances {
		if k != but && slices.ContainsFunc(in.Forwards, func(other pool.Forward) bool { return other.Listen == f.Listen }) {
			return true
		}
	}
	return false
}

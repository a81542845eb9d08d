package simbackend

import (
	"context"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Fork implements [pool.Forker].
func (b *Backend) Fork(ctx context.Context, o pool.Order, source pool.InstanceName) error {
	return b.change(ctx, Fork, o, deed{
		begin: func() (bool, error) {
			of := b.world.instances[key{projectOf(o), source}]
			switch in := b.world.instances[keyOf(o)]; {
			case of == nil:
				return false, gone(Fork, source)
			case in != nil && in.Made:
				return true, nil
			case b.o.Capacity > 0 && b.world.total >= b.o.Capacity:
				return false, failed(Fork, o.Instance, "no space left on device")
			}
			in := &instance{
				Project: of.Project, Name: o.Instance, Manager: o.Manager, Pool: o.Pool, Origin: of.Origin,
				Status: pool.Stopped, Created: time.Now(), Location: of.Location, Number: b.world.number + 1,
			}
			in.Files = of.Files.copyFor(in)
			return false, b.world.put(in)
		},
		end: func() error {
			return b.alter(Fork, keyOf(o), func(in *instance) { in.Made = true })
		},
		undo: func() { b.world.drop(keyOf(o)) },
	})
}

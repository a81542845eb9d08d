package simbackend

import (
	"context"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Reset implements [pool.Backend].
func (b *Backend) Reset(ctx context.Context, o pool.Order) error {
	return b.change(ctx, Reset, o, deed{
		begin: func() (bool, error) {
			in, err := b.find(Reset, o)
			switch {
			case err != nil:
				return false, err
			case !in.Made || !in.Snapshot:
				return false, failed(Reset, o.Instance, "it has no pristine snapshot")
			}
			return false, nil
		},
		end: func() error {
			return b.alter(Reset, keyOf(o), func(in *instance) {
				in.Status, in.Files, in.Used, in.Sick = pool.Stopped, nil, false, false
				in.Snapshots, in.LastUsed, in.Limits, in.Forwards = nil, time.Time{}, pool.Limits{}, nil
			})
		},
		more: func() time.Duration { return b.stopTime(keyOf(o)) },
	})
}

// Delete implements [pool.Backend].
func (b *Backend) Delete(ctx context.Context, o pool.Order) error {
	return b.change(ctx, Delete, o, deed{
		begin: func() (bool, error) {
			switch in := b.world.instances[keyOf(o)]; {
			case in == nil:
				return true, nil
			case in.Manager != o.Manager || o.Manager == "":
				return false, pool.Errorf(pool.ErrForbidden, "", "cannot delete %s: it does not belong to this manager", o.Instance)
			case in.Wedged:
				return false, failed(Delete, o.Instance, "could not get subvolume flags: invalid argument")
			case in.Status == pool.Unknown:
				return false, unreachable(Delete, o.Instance)
			}
			return false, nil
		},
		end:  func() error { return b.world.drop(keyOf(o)) },
		more: func() time.Duration { return b.stopTime(keyOf(o)) },
	})
}

func (b *Backend) stopTime(k key) time.Duration {
	if in := b.world.instances[k]; in != nil && in.active() {
		return b.takes(Stop)
	}
	return 0
}

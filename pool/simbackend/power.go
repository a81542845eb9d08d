package simbackend

import (
	"context"
	"fmt"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Switch = (*Backend)(nil)

// Switch implements [pool.Switch]. Like LXD it goes on when the caller leaves,
// and like the real backend it does not return before that.
func (b *Backend) Switch(ctx context.Context, o pool.Order, r pool.PowerRequest) (place pool.Place, err error) {
	err = b.change(context.WithoutCancel(ctx), Switch, o, deed{
		begin: func() (bool, error) {
			in, err := b.find(Switch, o)
			quiet := r.Action == pool.PowerPause || r.Action == pool.PowerResume
			if err == nil && quiet && in.Status == pool.Stopped {
				err = notRunning(Switch, in)
			}
			return false, err
		},
		end: func() error {
			place, err = b.endSwitch(o, r.Action)
			return err
		},
		more: func() time.Duration { return b.switchTime(o, r.Action) },
	})
	return place, err
}

func (b *Backend) endSwitch(o pool.Order, action pool.PowerAction) (place pool.Place, err error) {
	ailment := ""
	err = b.alter(Switch, keyOf(o), func(in *instance) {
		switch {
		case action == pool.PowerStop:
			in.Status = pool.Stopped
		case action == pool.PowerPause:
			in.Status = pool.Frozen
		case action == pool.PowerRestart, in.Status == pool.Stopped:
			in.boot()
			ailment = in.ailment(o.Spec)
		default:
			in.Status = pool.Running
		}
		place = in.place()
	})
	if err == nil && ailment != "" {
		err = failed(Switch, o.Instance, fmt.Sprintf("it was not usable within %s: %s", o.Spec.ReadyTimeout, ailment))
	}
	return place, err
}

// switchTime is how long stopping and starting take, and a probe that fails.
func (b *Backend) switchTime(o pool.Order, action pool.PowerAction) (takes time.Duration) {
	stops := action == pool.PowerStop || action == pool.PowerRestart
	if stops {
		takes += b.stopTime(keyOf(o))
	}
	if in := b.world.instances[keyOf(o)]; action == pool.PowerRestart || action == pool.PowerStart && !in.active() {
		takes += b.takes(Start) + b.probeTime(o)
	}
	return takes
}

package lxdbackend

import (
	"context"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Switch = (*Backend)(nil)

// Switch does what the holder of the instance asks for. A restart is a stop and
// a start: LXD's own would start an instance that is stopped meanwhile to be
// cleaned.
func (b *Backend) Switch(ctx context.Context, o pool.Order, r pool.PowerRequest) (pool.Place, error) {
	o = filled(o)
	what := "cannot " + string(r.Action) + " instance " + string(o.Instance)
	in, err := b.look(ctx, o)
	if err != nil {
		return pool.Place{}, fail(blame(err), what, err)
	}
	if !ours(in, o.Manager) {
		return pool.Place{}, foreign(what, in)
	}
	var place pool.Place
	switch r.Action {
	case pool.PowerStop:
		place, err = placeOf(in), b.halt(ctx, o, in, r)
	case pool.PowerRestart:
		if err = b.halt(ctx, o, in, r); err == nil {
			place, err = b.bringUp(ctx, o)
		}
	case pool.PowerStart:
		place, err = b.bringUp(ctx, o)
	default:
		place, err = b.hush(ctx, o, in, r.Action)
	}
	if err != nil && r.Action == pool.PowerStop {
		place = pool.Place{} // it may run on
	}
	return place, fail(blame(err), what, err)
}

// halt stops the instance, which may be frozen: LXD thaws it to let it shut down.
// The shutdown goes on when ctx ends; whoever cleans the instance then stops it
// by force.
func (b *Backend) halt(ctx context.Context, o pool.Order, in *api.Instance, r pool.PowerRequest) error {
	if statusOf(in) == pool.Stopped {
		return nil
	}
	pool.Report(ctx, pool.Progress{Stage: "stopping"})
	if r.Force {
		lasting, done := outlast(ctx)
		defer done()
		return b.stop(lasting, o)
	}
	err := b.shutDown(ctx, o, time.Now().Add(time.Duration(r.Timeout)))
	if err == nil || away(err) || notFound(err) {
		return err
	}
	return pool.Errorf(pool.ErrFailed, "give it more time with --timeout, or stop it with --force",
		"cannot stop instance %s: it did not shut down within %s: %w", o.Instance, r.Timeout, err)
}

// shutDown asks the instance to shut down, and again when LXD gives up before
// the time is over, as it does now and then with one that was frozen.
func (b *Backend) shutDown(ctx context.Context, o pool.Order, late time.Time) error {
	for pause := newPause(); ; {
		seconds := max(1, int(time.Until(late).Round(time.Second).Seconds())) // LXD knows no less
		err := b.reach(ctx, o, pool.Stopped, api.InstanceStatePut{Action: "stop", Timeout: seconds})
		if err == nil || away(err) || notFound(err) || time.Until(late) < time.Second || pause.sleep(ctx) != nil {
			return err
		}
	}
}

// bringUp has the instance run and waits until it is usable. It says where it is
// also when it is not usable.
func (b *Backend) bringUp(ctx context.Context, o pool.Order) (pool.Place, error) {
	pool.Report(ctx, pool.Progress{Stage: "starting"})
	lasting, done := outlast(ctx)
	defer done()
	if _, err := b.start(lasting, o); err != nil {
		return pool.Place{}, err
	}
	pool.Report(ctx, pool.Progress{Stage: "waiting until it is usable"})
	in, err := b.startUsable(ctx, o, o.Spec.Probe)
	if err != nil {
		place, _ := b.placeNow(ctx, o) // the error to tell is the first one
		return place, err
	}
	return b.place(ctx, o, in)
}

// hush pauses or resumes the instance.
func (b *Backend) hush(ctx context.Context, o pool.Order, in *api.Instance, action pool.PowerAction) (pool.Place, error) {
	if statusOf(in) == pool.Stopped {
		return placeOf(in), notRunning("cannot "+string(action)+" instance "+string(o.Instance), in)
	}
	lasting, done := outlast(ctx)
	defer done()
	change := b.thaw
	if action == pool.PowerPause {
		change = b.freeze
	}
	if err := change(lasting, o); err != nil {
		return pool.Place{}, err
	}
	return b.place(ctx, o, in)
}

// placeNow is place for an instance that is not known to run.
func (b *Backend) placeNow(ctx context.Context, o pool.Order) (pool.Place, error) {
	in, err := b.look(ctx, o)
	if err != nil {
		return pool.Place{}, err
	}
	return b.place(ctx, o, in)
}

// notRunning says that an instance is stopped or paused.
func notRunning(what string, in *api.Instance) error {
	is := "stopped"
	if statusOf(in) == pool.Frozen {
		is = "paused"
	}
	return pool.Errorf(pool.ErrNotRunning, "", "%s: it is %s", what, is)
}

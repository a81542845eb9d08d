package lxdbackend

import (
	"context"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Start starts the instance, waits until it is usable, and brings it to the
// pool's standby level. One that runs already, or that a crash left frozen, is
// checked all the same.
func (b *Backend) Start(ctx context.Context, o pool.Order) (pool.Place, error) {
	o = filled(o)
	what := "cannot start instance " + string(o.Instance)
	in, err := b.startUsable(ctx, o, o.Spec.Probe)
	if err != nil {
		return pool.Place{}, fail(blame(err), what, err)
	}
	place, err := b.place(ctx, o, in)
	if err == nil && o.Spec.Standby == pool.StandbyFrozen {
		err = b.freeze(ctx, o)
	}
	return place, fail(blame(err), what, err)
}

// startUsable starts the instance and waits until it is usable, all within the
// spec's time. It returns the instance as it was before.
func (b *Backend) startUsable(ctx context.Context, o pool.Order, probe string) (*api.Instance, error) {
	deadline := time.Now().Add(time.Duration(o.Spec.ReadyTimeout))
	bounded, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	in, err := b.start(bounded, o)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, pool.Errorf(pool.ErrFailed, "", "cannot start instance %s: LXD did not start it within %s", o.Instance, o.Spec.ReadyTimeout)
	}
	if err != nil {
		return nil, err
	}
	return in, b.awaitUsable(ctx, o, in, probe, deadline)
}

// start brings the instance to running, from whatever status it has, and
// returns it as it was before. The error of a start that failed carries the end
// of the instance's log.
func (b *Backend) start(ctx context.Context, o pool.Order) (*api.Instance, error) {
	in, err := b.look(ctx, o)
	if err != nil {
		return nil, err
	}
	what := "cannot start instance " + string(o.Instance)
	switch {
	case !ours(in, o.Manager):
		return nil, foreign(what, in)
	case statusOf(in) == pool.Running:
		return in, nil
	case statusOf(in) == pool.Frozen:
		return in, b.thaw(ctx, o)
	}
	err = b.reach(ctx, o, pool.Running, api.InstanceStatePut{Action: "start", Timeout: -1})
	if err == nil || away(err) || notFound(err) {
		return in, err
	}
	return nil, pool.Errorf(pool.ErrFailed, "", "%s: %w; the end of its log: %s", what, err, b.logEnd(ctx, o))
}

// Wake thaws the instance. It asks LXD to before it looks, since this is on the
// way of a grant.
func (b *Backend) Wake(ctx context.Context, o pool.Order) error {
	err := b.thaw(ctx, o)
	return fail(blame(err), "cannot wake instance "+string(o.Instance), err)
}

// Check looks whether a ready instance is still what Start made of it.
func (b *Backend) Check(ctx context.Context, o pool.Order) error {
	o = filled(o)
	what := "cannot use instance " + string(o.Instance)
	want := pool.Running
	if o.Spec.Standby == pool.StandbyFrozen {
		want = pool.Frozen
	}
	in, err := b.look(ctx, o)
	if err != nil {
		return fail(blame(err), what, err)
	}
	switch {
	case !ours(in, o.Manager):
		return foreign(what, in)
	case statusOf(in) != want:
		return pool.Errorf(pool.ErrFailed, "", "%s: it is %s, not %s", what, in.Status, want)
	case want == pool.Frozen:
		return nil
	}
	err = b.probeOnce(ctx, o)
	return fail(blame(err), what, err)
}

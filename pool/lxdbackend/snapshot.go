package lxdbackend

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Snapshotter = (*Backend)(nil)

// isPristine reports whether a snapshot is the one that a reset goes back to.
func isPristine(s api.InstanceSnapshot) bool { return s.Name == string(pool.PristineSnapshot) }

func snapshotPath(o pool.Order, name pool.SnapshotName) string {
	return at(o, "/snapshots/"+url.PathEscape(string(name)))
}

// Snapshots lists the holder's snapshots of the instance, oldest first.
func (b *Backend) Snapshots(ctx context.Context, o pool.Order) ([]pool.Snapshot, error) {
	var all []api.InstanceSnapshot
	if err := b.get(ctx, at(o, "/snapshots")+"&recursion=1", &all); err != nil {
		return nil, fail(blame(err), "cannot list the snapshots of instance "+string(o.Instance), err)
	}
	return holdersOwn(all), nil
}

// holdersOwn leaves out the pool's, and those that images are being made of.
func holdersOwn(all []api.InstanceSnapshot) []pool.Snapshot {
	list := []pool.Snapshot{}
	for _, s := range all {
		if !isPristine(s) && !strings.HasPrefix(s.Name, publishing) {
			list = append(list, snapshotOf(s))
		}
	}
	slices.SortStableFunc(list, func(a, b pool.Snapshot) int { return a.Created.Compare(b.Created) })
	return list
}

func snapshotOf(s api.InstanceSnapshot) pool.Snapshot {
	return pool.Snapshot{Name: pool.SnapshotName(s.Name), Created: s.CreatedAt, Size: max(0, s.Size)}
}

// findSnapshot returns nil if the instance has no such snapshot.
func (b *Backend) findSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) (*pool.Snapshot, error) {
	list, err := b.Snapshots(ctx, o)
	at := slices.IndexFunc(list, func(s pool.Snapshot) bool { return s.Name == name })
	if err != nil || at < 0 {
		return nil, err
	}
	return &list[at], nil
}

// needSnapshot is an error unless the instance has such a snapshot.
func (b *Backend) needSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName, what string) error {
	found, err := b.findSnapshot(ctx, o, name)
	if err == nil && found == nil {
		err = pool.Errorf(pool.ErrNotFound, `see "lxd-pool snapshot list LEASE"`, "%s: there is no such snapshot", what)
	}
	return err
}

// CreateSnapshot takes a snapshot. What LXD leaves of one that failed, and one
// that its caller no longer waits for, is deleted.
func (b *Backend) CreateSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) (pool.Snapshot, error) {
	what := "cannot take snapshot " + string(name) + " of instance " + string(o.Instance)
	before, err := b.findSnapshot(ctx, o, name)
	switch {
	case err != nil:
		return pool.Snapshot{}, err
	case before != nil:
		return pool.Snapshot{}, pool.Errorf(pool.ErrExists, "use another name, or delete that one", "%s: there is one of that name", what)
	}
	lasting, done := outlast(ctx)
	defer done()
	err = b.change(lasting, http.MethodPost, at(o, "/snapshots"), api.InstanceSnapshotsPost{Name: string(name)})
	var taken *pool.Snapshot
	if err = cmp.Or(err, ctx.Err()); err == nil {
		taken, err = b.findSnapshot(ctx, o, name)
	}
	if err != nil || taken == nil {
		_ = b.dropSnapshot(lasting, o, name) // the error to tell is the first one
		return pool.Snapshot{}, fail(blame(err), what, cmp.Or(err, errLost))
	}
	return *taken, nil
}

// dropSnapshot deletes a snapshot if it is there.
func (b *Backend) dropSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) error {
	err := b.change(ctx, http.MethodDelete, snapshotPath(o, name), nil)
	if err == nil || away(err) {
		return err
	}
	if found, lookErr := b.findSnapshot(ctx, o, name); found != nil || lookErr != nil {
		return cmp.Or(lookErr, err)
	}
	return nil
}

// RestoreSnapshot puts the instance back to a snapshot. LXD stops one that runs
// or is frozen, and starts it again.
func (b *Backend) RestoreSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) (pool.Place, error) {
	o = filled(o)
	what := "cannot put instance " + string(o.Instance) + " back to snapshot " + string(name)
	if err := b.needSnapshot(ctx, o, name, what); err != nil {
		return pool.Place{}, err
	}
	before, err := b.look(ctx, o)
	if err != nil {
		return pool.Place{}, fail(blame(err), what, err)
	}
	pool.Report(ctx, pool.Progress{Stage: "restoring"})
	err = b.putBackTo(ctx, o, name)
	if statusOf(before) == pool.Stopped || away(err) {
		return placeOf(before), fail(blame(err), what, err)
	}
	// After a restore that failed, what ran before is to run again too.
	place, upErr := b.bringUp(ctx, o)
	return place, fail(blame(err), what, cmp.Or(err, upErr))
}

func (b *Backend) putBackTo(ctx context.Context, o pool.Order, name pool.SnapshotName) error {
	lasting, done := outlast(ctx)
	defer done()
	err := b.change(lasting, http.MethodPut, at(o, ""), map[string]string{"restore": string(name)})
	return cmp.Or(err, ctx.Err())
}

// DeleteSnapshot deletes a snapshot of the holder.
func (b *Backend) DeleteSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) error {
	what := "cannot delete snapshot " + string(name) + " of instance " + string(o.Instance)
	if err := b.needSnapshot(ctx, o, name, what); err != nil {
		return err
	}
	lasting, done := outlast(ctx)
	defer done()
	err := b.dropSnapshot(lasting, o, name)
	return fail(blame(err), what, err)
}

// outlastLimit is how long a request goes on that its caller no longer waits
// for. It is within the time that the engine waits before it cleans.
const outlastLimit = 50 * time.Second

// outlast returns a context for what LXD does not stop once it has begun it: it
// lasts a while longer than ctx. A caller that left at once would leave the rest
// of it to happen to whoever gets the instance next.
func outlast(ctx context.Context) (context.Context, func()) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		select {
		case <-time.After(outlastLimit):
			cancel()
		case <-lasting.Done():
		}
	})
	return lasting, cancel
}

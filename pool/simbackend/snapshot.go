package simbackend

import (
	"context"
	"slices"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Snapshotter = (*Backend)(nil)

// Snapshots implements [pool.Snapshotter].
func (b *Backend) Snapshots(ctx context.Context, o pool.Order) (list []pool.Snapshot, err error) {
	err = b.look(ctx, Inspect, o.Instance, func() error {
		in, err := b.find(Inspect, o)
		if err == nil {
			list = in.snapshots()
		}
		return err
	})
	return list, err
}

func (in *instance) snapshots() []pool.Snapshot {
	list := []pool.Snapshot{}
	for _, s := range in.Snapshots {
		list = append(list, s.Snapshot)
	}
	return list
}

// snapshotAt is where a snapshot is in the list, below 0 if there is none.
func (in *instance) snapshotAt(name pool.SnapshotName) int {
	return slices.IndexFunc(in.Snapshots, func(s snapshot) bool { return s.Name == name })
}

// CreateSnapshot implements [pool.Snapshotter]. What it began goes on when the
// caller leaves; then the snapshot is deleted.
func (b *Backend) CreateSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) (taken pool.Snapshot, err error) {
	lasting := context.WithoutCancel(ctx)
	err = b.change(lasting, Snapshot, o, deed{
		begin: func() (bool, error) {
			in, err := b.find(Snapshot, o)
			if err == nil && in.snapshotAt(name) >= 0 {
				err = pool.Errorf(pool.ErrExists, "use another name, or delete that one",
					"cannot take snapshot %s of instance %s: there is one of that name", name, o.Instance)
			}
			return false, err
		},
		end: func() error {
			return b.alter(Snapshot, keyOf(o), func(in *instance) {
				taken = pool.Snapshot{Name: name, Created: time.Now().Round(0), Size: in.Files.size()}
				in.Snapshots = append(slices.Clone(in.Snapshots), snapshot{taken, in.Files.copy()})
			})
		},
	})
	if err == nil && ctx.Err() != nil {
		err = gaveUp(ctx, Snapshot, o.Instance)
		b.DeleteSnapshot(lasting, o, name)
	}
	return taken, err
}

// RestoreSnapshot implements [pool.Snapshotter].
func (b *Backend) RestoreSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) (place pool.Place, err error) {
	pool.Report(ctx, pool.Progress{Stage: "restoring"})
	err = b.change(context.WithoutCancel(ctx), Restore, o, deed{
		begin: func() (bool, error) { return false, b.needSnapshot(Restore, o, name) },
		end: func() error {
			return b.alter(Restore, keyOf(o), func(in *instance) {
				in.Files = in.Snapshots[in.snapshotAt(name)].Files.copy()
				if in.active() {
					in.boot()
				}
				place = in.place()
			})
		},
		more: func() time.Duration {
			if takes := b.stopTime(keyOf(o)); takes > 0 {
				return takes + b.takes(Start)
			}
			return 0
		},
	})
	return place, err
}

// DeleteSnapshot implements [pool.Snapshotter].
func (b *Backend) DeleteSnapshot(ctx context.Context, o pool.Order, name pool.SnapshotName) error {
	return b.change(context.WithoutCancel(ctx), Snapshot, o, deed{
		begin: func() (bool, error) { return false, b.needSnapshot(Snapshot, o, name) },
		end: func() error {
			return b.alter(Snapshot, keyOf(o), func(in *instance) {
				at := in.snapshotAt(name)
				in.Snapshots = slices.Delete(slices.Clone(in.Snapshots), at, at+1)
			})
		},
	})
}

func (b *Backend) needSnapshot(v Verb, o pool.Order, name pool.SnapshotName) error {
	in, err := b.find(v, o)
	if err == nil && in.snapshotAt(name) < 0 {
		err = pool.Errorf(pool.ErrNotFound, `see "lxd-pool snapshot list LEASE"`,
			"cannot use snapshot %s of instance %s: there is no such snapshot", name, o.Instance)
	}
	return err
}

package pooltest_test

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (d direct) Snapshots(ctx context.Context, id pool.LeaseID) ([]pool.Snapshot, error) {
	return d.e.m.Snapshots(ctx, id)
}

func (d direct) CreateSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (pool.Snapshot, error) {
	return d.e.m.CreateSnapshot(ctx, id, name)
}

func (d direct) RestoreSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (pool.Grant, error) {
	return d.e.m.RestoreSnapshot(ctx, id, name)
}

func (d direct) DeleteSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) error {
	return d.e.m.DeleteSnapshot(ctx, id, name)
}

func (d direct) Power(ctx context.Context, id pool.LeaseID, r pool.PowerRequest) (pool.Grant, error) {
	return d.e.m.Power(ctx, id, r)
}

func (d direct) Info(ctx context.Context, id pool.LeaseID) (*pool.Info, error) {
	return d.e.m.Info(ctx, id)
}

func (d direct) Log(ctx context.Context, id pool.LeaseID) (string, error) { return d.e.m.Log(ctx, id) }

func (d direct) Console(ctx context.Context, id pool.LeaseID) (string, error) {
	return d.e.m.Console(ctx, id)
}

func (r remote) RestoreSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (pool.Grant, error) {
	return grant(r.Client.RestoreSnapshot(ctx, id, name))
}

func (r remote) Power(ctx context.Context, id pool.LeaseID, q pool.PowerRequest) (pool.Grant, error) {
	return grant(r.Client.Power(ctx, id, q))
}

func (d direct) Move(ctx context.Context, id pool.LeaseID, to pool.Destination) (pool.Grant, error) {
	return d.e.m.Move(ctx, id, to)
}

func (r remote) Move(ctx context.Context, id pool.LeaseID, to pool.Destination) (pool.Grant, error) {
	return grant(r.Client.Move(ctx, id, to))
}

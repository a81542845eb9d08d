package client

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Snapshots returns the snapshots that were taken through a running lease,
// oldest first.
func (c *Client) Snapshots(ctx context.Context, id pool.LeaseID) ([]pool.Snapshot, error) {
	var list []pool.Snapshot
	_, err := c.do(ctx, call{op: api.OpListSnapshots, at: []string{string(id)}}, &list)
	return list, err
}

// CreateSnapshot takes a snapshot of the instance of a running lease, whether it
// runs or not. Without a name it gets the next of snap0, snap1 and so on. It is
// gone when the lease has ended.
func (c *Client) CreateSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (pool.Snapshot, error) {
	var s pool.Snapshot
	_, err := c.do(ctx, call{op: api.OpCreateSnapshot, at: []string{string(id)}, in: api.CreateSnapshot{Name: name}}, &s)
	return s, err
}

// RestoreSnapshot puts the instance of a running lease back to a snapshot. An
// instance that ran or was paused runs afterwards and is usable, with the
// addresses in the answer; one that was stopped is stopped.
func (c *Client) RestoreSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (*api.Lease, error) {
	if err := name.Validate(); err != nil {
		return nil, err
	}
	return c.lease(ctx, call{op: api.OpRestore, at: []string{string(id), string(name)}})
}

// DeleteSnapshot deletes a snapshot that was taken through a running lease.
func (c *Client) DeleteSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) error {
	if err := name.Validate(); err != nil {
		return err
	}
	_, err := c.do(ctx, call{op: api.OpDeleteSnapshot, at: []string{string(id), string(name)}}, nil)
	return err
}

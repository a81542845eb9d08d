package api

import "github.com/lxd-pool/lxd-pool/pool"

// CreateSnapshot is the body that takes a snapshot.
type CreateSnapshot struct {
	// Name "": the next of snap0, snap1 and so on.
	Name pool.SnapshotName `json:"name,omitempty"`
}

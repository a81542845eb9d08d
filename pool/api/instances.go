package api

import (
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Instance is an instance of a pool.
type Instance struct {
	Name  pool.InstanceName `json:"name"`
	Pool  pool.PoolName     `json:"pool"`
	State pool.State        `json:"state"`
	// Since is when it entered its state.
	Since   time.Time   `json:"since"`
	Created time.Time   `json:"created"`
	Origin  pool.Origin `json:"origin,omitempty"`
	Fence   pool.Fence  `json:"fence,omitempty"`
	// Uses counts the leases that ended on it.
	Uses  int          `json:"uses"`
	Lease pool.LeaseID `json:"lease,omitempty"`
	Hold  *pool.Hold   `json:"hold,omitempty"`
	// Reason says why it goes, once it is deleting, and Detail what led to that.
	Reason    pool.Reason    `json:"reason,omitempty"`
	Detail    string         `json:"detail,omitempty"`
	Addresses []pool.Address `json:"addresses"`
	Location  string         `json:"location"`
	Project   string         `json:"project"`
	// Remote is the LXD that it was moved to, and Moving a move that is not over.
	Remote pool.RemoteName `json:"remote,omitempty"`
	Moving *pool.Moving    `json:"moving,omitempty"`
}

// NewInstance returns what of an instance travels.
func NewInstance(name pool.PoolName, in *pool.Instance) *Instance {
	return &Instance{
		Name: in.Name, Pool: name, State: in.State, Since: in.Since, Created: in.Created,
		Origin: in.Origin, Fence: in.Fence, Uses: in.Uses,
		Lease: in.Lease, Hold: in.Hold, Reason: in.Reason, Detail: in.Detail,
		Addresses: append([]pool.Address{}, in.Place.Addresses...),
		Location:  in.Place.Location, Project: in.Place.Project, Remote: in.Place.Remote, Moving: in.Moving,
	}
}

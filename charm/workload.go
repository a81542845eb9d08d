package charm

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Workload is where the daemon of a unit runs: a snap on the unit's machine, or
// a container with Pebble. Each verb is idempotent, and its end condition is the
// contract. Errors are [Blocked] when somebody has to act; after any other one
// the next event tries again.
type Workload interface {
	// Install nil: the daemon's program is there, and LXD for it.
	Install(ctx context.Context, s Setup) error
	// Put nil: the daemon can read a file of this content by the path that is
	// returned. Others cannot.
	Put(ctx context.Context, name string, content []byte) (path string, err error)
	// Get returns what Put has put, nil when there is no such file.
	Get(ctx context.Context, name string) ([]byte, error)
	// Configure nil: the daemon runs and does as c says. When it refuses c, that is
	// a [pool.ErrInvalid] or [pool.ErrRejected] in its own words, and it does what it did.
	Configure(ctx context.Context, c *api.Configuration) error
	// Cluster returns what tells the cluster of the daemon's LXD from others, "" when
	// it is in none.
	Cluster(ctx context.Context) (string, error)
	// Daemon returns a client that operates the daemon, to be closed.
	Daemon() *client.Client
	// Stop nil: the daemon does not run, and has nothing in LXD.
	Stop(ctx context.Context) error
	// Remove nil: what Install brought is gone, and nothing else.
	Remove(ctx context.Context) error
}

// Setup is how a workload is to be there.
type Setup struct {
	// Channel is where the snap comes from, Snap a file to install in its place.
	Channel, Snap string
	LXD           LXDSetup
}

// LXDSetup is how to set LXD up where there is none yet.
type LXDSetup struct {
	// Channel is where the snap of LXD comes from; "": LXD is not installed.
	Channel string
	// StorageDriver, StorageSize and StorageSource are those of its storage pool.
	StorageDriver, StorageSize, StorageSource string
	// BridgeAddress is that of its bridge, as 10.77.0.1/24 or "auto".
	BridgeAddress string
	// Remote is the address of an LXD elsewhere, in place of one of this machine.
	Remote string
}

// Blocked is what only somebody who operates the model can mend: Why, and what
// to do.
type Blocked struct{ Why, Next string }

func (b *Blocked) Error() string {
	if b.Next == "" {
		return b.Why
	}
	return b.Why + ": " + b.Next
}

// Pending is what somebody else will mend, without anybody's help.
type Pending struct{ Why string }

func (p *Pending) Error() string { return p.Why }

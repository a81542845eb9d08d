package pooltest

import (
	"context"
	"errors"

	"github.com/lxd-pool/lxd-pool/pool"
)

// MoveService is what takes an instance elsewhere.
type MoveService interface {
	Move(ctx context.Context, id pool.LeaseID, to pool.Destination) (pool.Grant, error)
}

var moveCases = []testCase{
	{"AnInstanceMovesAndItsLeaseStays", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		_, err := b.root.AddRemote(b.Context(), pool.NewRemote{Name: "lab", URL: "https://lab.example:8443", Token: "once"})
		b.must(err)
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		id := g.Lease.ID
		b.write(id, "/file", "here")
		for _, to := range []pool.Destination{{Target: "sim2"}, {Remote: "lab"}, {Remote: pool.Local, Target: "sim"}} {
			moved, err := b.root.Move(b.Context(), id, to)
			b.must(err)
			if moved.Lease.ID != id || !moved.Lease.Expires.Equal(g.Lease.Expires) || moved.Lease.Fence != g.Lease.Fence {
				b.Errorf("%+v: the lease is %+v", to, moved.Lease)
			}
			if got := b.read(id, "/file"); got != "here" {
				b.Errorf("%+v: its file says %q", to, got)
			}
		}
	}},
	{"AMoveThatCannotBeSaysWhy", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		for to, kind := range map[pool.Destination]error{
			{}: pool.ErrInvalid, {Target: "sim"}: pool.ErrInvalid, {Target: "nowhere"}: pool.ErrNotFound, {Remote: "nowhere"}: pool.ErrNotFound,
		} {
			if _, err := b.root.Move(b.Context(), g.Lease.ID, to); !errors.Is(err, kind) {
				b.Errorf("%+v: %v", to, err)
			}
		}
	}},
}

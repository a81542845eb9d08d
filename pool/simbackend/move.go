package simbackend

import (
	"cmp"
	"context"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
)

// At implements [pool.Elsewhere]: every remote that is an LXD is a simulated
// one of its own, which lasts as long as this one.
func (b *Backend) At(name pool.RemoteName) (pool.Backend, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at(name)
}

// at is At under the lock, which is that of all of them.
func (b *Backend) at(name pool.RemoteName) (*Backend, error) {
	if name == "" {
		return b, nil
	}
	if r, ok := b.remotes[name]; !ok || r.Protocol != pool.LXDProtocol {
		return nil, pool.NoRemote(name)
	}
	if b.far[name] == nil {
		far := newBackend(b.o, newWorld())
		far.mu = b.mu
		if b.far == nil {
			b.far = map[pool.RemoteName]*Backend{}
		}
		b.far[name] = far
	}
	return b.far[name], nil
}

// ends returns the two LXDs of a move.
func (b *Backend) ends(m pool.Moving) (from, to *Backend, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if from, err = b.at(m.From.Remote); err == nil {
		to, err = b.at(m.To.Remote)
	}
	return from, to, err
}

// VetMove implements [pool.Mover].
func (b *Backend) VetMove(ctx context.Context, o pool.Order, m pool.Moving) (status pool.Status, err error) {
	from, to, err := b.ends(m)
	if err != nil {
		return "", err
	}
	err = from.look(ctx, Vet, o.Instance, func() error {
		in, err := from.find(Move, o)
		if err != nil {
			return err
		}
		status = in.Status
		return from.rejectsMove(o, m, in, to)
	})
	return status, err
}

func (b *Backend) rejectsMove(o pool.Order, m pool.Moving, in *instance, to *Backend) error {
	what, target := "cannot move "+string(o.Instance), m.To.Location
	switch {
	case in.Status == pool.Frozen:
		return pool.Errorf(pool.ErrInvalid, "resume it first", "%s: it is paused", what)
	case len(in.Forwards) > 0:
		return pool.Errorf(pool.ErrRejected, "acquire another one there", "%s: ports of its host lead to it", what)
	case to.away:
		return unreachable(Move, o.Instance)
	case target != "" && !slices.Contains(to.o.Members, target):
		return pool.Errorf(pool.ErrNotFound, "", "%s: there is no cluster member %q", what, target)
	case to.lost[target]:
		return pool.Errorf(pool.ErrRejected, "bring it back, or choose another", "%s: cluster member %s is offline", what, target)
	case to == b && in.Location == target:
		return pool.Invalidf("", "%s: it is on %s already", what, target)
	case to != b && to.world.instances[keyOf(o)] != nil:
		return pool.Errorf(pool.ErrExists, "try again in a minute", "%s: there is an instance of that name", what)
	}
	return nil
}

// Move implements [pool.Mover].
func (b *Backend) Move(ctx context.Context, o pool.Order, m pool.Moving) (pool.Place, error) {
	from, to, err := b.ends(m)
	if err != nil {
		return pool.Place{}, err
	}
	k := keyOf(o)
	pool.Report(ctx, pool.Progress{Stage: "moving"})
	err = from.change(ctx, Move, o, deed{
		begin: func() (bool, error) {
			in, err := from.find(Move, o)
			switch {
			case err != nil:
				return false, err
			case to.away:
				return false, unreachable(Move, o.Instance)
			}
			if err := from.alter(Move, k, func(in *instance) { in.Status = pool.Stopped }); err != nil || to == from {
				return false, err
			}
			copied := *in
			copied.Status, copied.Made, copied.Number = pool.Stopped, false, to.world.number+1
			copied.Location = cmp.Or(m.To.Location, to.o.Members[0])
			return false, to.world.put(&copied)
		},
		end: func() error {
			if to.away {
				return unreachable(Move, o.Instance)
			}
			return to.alter(Move, k, func(in *instance) {
				in.Status, in.Made, in.Location = m.Status, true, cmp.Or(m.To.Location, in.Location)
			})
		},
		undo: func() {
			if to != from {
				to.world.drop(k)
			}
		},
	})
	if err != nil {
		return pool.Place{}, err
	}
	return to.placeNow(o)
}

// Settle implements [pool.Mover].
func (b *Backend) Settle(ctx context.Context, o pool.Order, m pool.Moving) (pool.Place, error) {
	from, _, err := b.ends(m)
	if err != nil {
		return pool.Place{}, err
	}
	k := keyOf(o)
	err = from.change(ctx, Settle, o, deed{
		begin: func() (bool, error) {
			_, err := from.find(Settle, o)
			return false, err
		},
		end: func() error {
			return from.alter(Settle, k, func(in *instance) {
				in.Status = m.Status
				if !from.lost[m.From.Location] {
					in.Location = m.From.Location
				}
			})
		},
	})
	if err != nil {
		return pool.Place{}, err
	}
	return from.placeNow(o)
}

// placeNow is where the instance was at the end of a deed that it waited for.
func (b *Backend) placeNow(o pool.Order) (pool.Place, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in, err := b.find(Inspect, o)
	if err != nil {
		return pool.Place{}, err
	}
	return in.place(), nil
}

// LoseMember takes a cluster member away for moves, or brings it back.
func (b *Backend) LoseMember(name string, lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost[name] = lost
}

// Far returns the LXD of a remote, nil if there is none.
func (b *Backend) Far(name pool.RemoteName) *Backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	far, err := b.at(name)
	if err != nil {
		return nil
	}
	return far
}

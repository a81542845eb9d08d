package simbackend

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
)

// List implements [pool.Backend]. The instances are sorted by project and name.
func (b *Backend) List(ctx context.Context, manager pool.ManagerID) (seen []pool.Seen, err error) {
	err = b.look(ctx, List, "", func() error {
		seen = make([]pool.Seen, 0, len(b.world.instances))
		for _, in := range b.world.instances {
			if in.Manager == manager && manager != "" {
				seen = append(seen, in.seen())
			}
		}
		return nil
	})
	slices.SortFunc(seen, func(x, y pool.Seen) int {
		return cmp.Or(cmp.Compare(x.Place.Project, y.Place.Project), cmp.Compare(x.Name, y.Name))
	})
	return seen, err
}

func (in *instance) seen() pool.Seen {
	return pool.Seen{
		Name: in.Name, Pool: in.Pool, Template: in.Template, Status: in.Status, Created: in.Created,
		Place: pool.Place{Project: in.Project, Location: in.Location},
	}
}

// place is where the instance is. One that is stopped has no address.
func (in *instance) place() pool.Place {
	if in.Status == pool.Stopped {
		return pool.Place{Project: in.Project, Location: in.Location}
	}
	n := in.Number
	return pool.Place{Project: in.Project, Location: in.Location, Addresses: []pool.Address{{
		Family: "inet", Interface: "eth0",
		Address: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
	}}}
}

func (b *Backend) find(v Verb, o pool.Order) (*instance, error) {
	in := b.world.instances[keyOf(o)]
	switch {
	case in == nil:
		return nil, gone(v, o.Instance)
	case in.Status == pool.Unknown:
		return nil, unreachable(v, o.Instance)
	}
	return in, nil
}

// alter puts a changed copy of the instance.
func (b *Backend) alter(v Verb, k key, edit func(*instance)) error {
	in := b.world.instances[k]
	if in == nil {
		return gone(v, k.name)
	}
	changed := *in
	edit(&changed)
	return b.world.put(&changed)
}

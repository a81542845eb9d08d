package simbackend

import (
	"context"
	"fmt"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Limit implements [pool.Limiter]. Of a spec it knows limits.cpu only.
func (b *Backend) Limit(ctx context.Context, o pool.Order, l pool.Limits) error {
	return b.look(ctx, Limit, o.Instance, func() error {
		if _, err := b.find(Limit, o); err != nil {
			return err
		}
		if most := o.Spec.Config["limits.cpu"]; most != "" && fmt.Sprint(l.CPU) > most {
			return pool.Invalidf("ask for less", "cannot use cpu=%d: an instance of this pool has %s", l.CPU, most)
		}
		return b.alter(Limit, keyOf(o), func(in *instance) { in.Limits = l })
	})
}

// limits prints the limits of the instance.
func limits(g *guest, _ []string) int {
	g.backend.mu.Lock()
	l := g.backend.world.instances[keyOf(g.order)].Limits
	g.backend.mu.Unlock()
	return g.print(fmt.Sprintf("cpu=%d memory=%s\n", l.CPU, l.Memory))
}

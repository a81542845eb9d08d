package lxdbackend

import (
	"context"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Fork copies an instance that is in use, as it is at that moment and where it
// is: with its config and devices, but a MAC, UUID and addresses of its own, and
// without ports of the host, which only one can have.
func (b *Backend) Fork(ctx context.Context, o pool.Order, source pool.InstanceName) error {
	what := "cannot fork instance " + string(source)
	of := o
	of.Instance = source
	in, err := b.look(ctx, of)
	if err != nil {
		return fail(blame(err), what, err)
	}
	post := &api.InstancesPost{Name: string(o.Instance), Type: api.InstanceType(in.Type)}
	post.Profiles, post.Devices = in.Profiles, withoutForwards(in)
	post.Config = map[string]string{tagManager: string(o.Manager), tagPool: string(o.Pool)}
	return fail(pool.ErrFailed, what, b.copyOver(ctx, o, in, post))
}

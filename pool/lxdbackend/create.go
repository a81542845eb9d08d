package lxdbackend

import (
	"context"
	"maps"
	"net/http"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Create makes the instance as a copy of its pool's template, which it makes
// first if there is none. What already has the name is nobody's confirmed
// instance: it is deleted, never started.
func (b *Backend) Create(ctx context.Context, o pool.Order) (pool.Origin, error) {
	o = filled(o)
	what := "cannot create instance " + string(o.Instance)
	template, origin, err := b.template(ctx, o)
	if err != nil {
		return "", fail(kindOf(err), what, err)
	}
	post, err := b.request(ctx, o)
	if err != nil {
		return "", fail(kindOf(err), what, err)
	}
	post.Config[tagTemplate] = "" // takes the template's away
	if err := b.copyOver(ctx, o, template, post); err != nil {
		return "", fail(kindOf(err), what, err)
	}
	if o.Spec.Recycle != pool.ResetToSnapshot {
		return origin, nil
	}
	if err := b.takePristine(ctx, o); err != nil {
		return "", fail(kindOf(err), what, err)
	}
	return origin, nil
}

func (b *Backend) takePristine(ctx context.Context, o pool.Order) error {
	return b.change(ctx, http.MethodPost, at(o, "/snapshots"), api.InstanceSnapshotsPost{Name: string(pool.PristineSnapshot)})
}

// copyOver makes the order's instance as a copy, trying once more if something
// of the name was in the way.
func (b *Backend) copyOver(ctx context.Context, o pool.Order, source *api.Instance, post *api.InstancesPost) error {
	err := b.copy(ctx, o, source, post)
	if err == nil || away(err) {
		return err
	}
	if _, lookErr := b.look(ctx, o); lookErr != nil {
		if notFound(lookErr) {
			return err
		}
		return lookErr
	}
	if err := b.Delete(ctx, o); err != nil {
		return err
	}
	return b.copy(ctx, o, source, post)
}

// copy leaves what LXD generates to LXD: the request names the source and no
// volatile key, so that the copy gets a MAC, UUID and cloud-init id of its own.
// In a cluster it is made where the source is, since elsewhere it would be no
// copy-on-write. What the request does not say of config, devices and profiles
// is taken from the source.
func (b *Backend) copy(ctx context.Context, o pool.Order, source *api.Instance, post *api.InstancesPost) error {
	post.Source = api.InstanceSource{Type: api.SourceTypeCopy, Source: source.Name, InstanceOnly: true}
	post.Architecture = source.Architecture // a cluster does not take it from the source
	_, err := b.do(ctx, http.MethodPost, instancesOn(o, placeOf(source).Location), post)
	return err
}

// request is what members and templates have in common. The tags are in the
// request itself: there is no moment at which an instance is nobody's.
func (b *Backend) request(ctx context.Context, o pool.Order) (*api.InstancesPost, error) {
	known, err := b.know(ctx)
	if err != nil {
		return nil, err
	}
	post := &api.InstancesPost{Name: string(o.Instance), Type: api.InstanceType(o.Spec.Type)}
	post.Profiles = o.Spec.Profiles
	post.Devices = maps.Clone(o.Spec.Devices)
	post.Config = config(o, known)
	return post, nil
}

// config is the config of a member, without what LXD itself adds.
func config(o pool.Order, known *facts) map[string]string {
	c := map[string]string{}
	if known.has("clustering_evacuation") {
		c["cluster.evacuate"] = "stop" // moving one would restart it under its holder
	}
	maps.Copy(c, o.Spec.Config)
	c[tagManager] = string(o.Manager)
	c[tagPool] = string(o.Pool)
	// LXD would start what ran when it went down, in whatever state it is.
	c["boot.autostart"] = "false"
	return c
}

// filled is o with the defaults of its spec.
func filled(o pool.Order) pool.Order {
	spec := pool.Spec{}
	if o.Spec != nil {
		spec = *o.Spec
	}
	spec = spec.WithDefaults()
	o.Spec = &spec
	return o
}

// kindOf tells a request that LXD refuses from one that it could not carry out.
func kindOf(err error) error {
	for _, code := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound} {
		if api.StatusErrorCheck(err, code) {
			return pool.ErrRejected
		}
	}
	return pool.ErrFailed
}

package lxdbackend

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// The tags, in the config of an instance.
const (
	tagManager  = "user.lxd-pool.manager"
	tagPool     = "user.lxd-pool.pool"
	tagTemplate = "user.lxd-pool.template"
)

// project is where the order's instance lives.
func project(o pool.Order) string {
	if o.Spec == nil {
		return api.ProjectDefaultName
	}
	return cmp.Or(o.Spec.Project, api.ProjectDefaultName)
}

// instancesOn is where to ask for a new one: on a cluster member or group, or
// wherever LXD likes if that is "".
func instancesOn(o pool.Order, target string) string {
	where := instances(project(o))
	if target != "" {
		where += "&target=" + url.QueryEscape(target)
	}
	return where
}

// at is the path of the order's instance, or of what is below it.
func at(o pool.Order, below string) string {
	return instance(project(o), string(o.Instance), below)
}

// look reads the order's instance as it is now.
func (b *Backend) look(ctx context.Context, o pool.Order) (*api.Instance, error) {
	in := new(api.Instance)
	if err := b.get(ctx, at(o, ""), in); err != nil {
		return nil, err
	}
	return in, nil
}

// statusOf reads LXD's status. One that is passing, or that of an instance
// whose cluster member is away, says nothing.
func statusOf(in *api.Instance) pool.Status {
	switch in.StatusCode {
	case api.Running, api.Ready:
		return pool.Running
	case api.Stopped:
		return pool.Stopped
	case api.Frozen:
		return pool.Frozen
	}
	return pool.Unknown
}

// ours reports whether in carries the tag of the order's manager.
func ours(in *api.Instance, manager pool.ManagerID) bool {
	return manager != "" && in.Config[tagManager] == string(manager)
}

// setState asks for a change of status and waits for it.
func (b *Backend) setState(ctx context.Context, o pool.Order, put api.InstanceStatePut) error {
	return b.change(ctx, http.MethodPut, at(o, "/state"), put)
}

// reach brings the instance to a status, and believes only what it then sees.
func (b *Backend) reach(ctx context.Context, o pool.Order, want pool.Status, put api.InstanceStatePut) error {
	err := b.setState(ctx, o, put)
	if err == nil {
		return nil
	}
	in, lookErr := b.look(ctx, o)
	if lookErr != nil {
		return lookErr
	}
	if statusOf(in) == want {
		return nil
	}
	return err
}

func (b *Backend) stop(ctx context.Context, o pool.Order) error {
	return b.reach(ctx, o, pool.Stopped, api.InstanceStatePut{Action: "stop", Force: true, Timeout: -1})
}

func (b *Backend) freeze(ctx context.Context, o pool.Order) error {
	return b.reach(ctx, o, pool.Frozen, api.InstanceStatePut{Action: "freeze", Timeout: -1})
}

func (b *Backend) thaw(ctx context.Context, o pool.Order) error {
	return b.reach(ctx, o, pool.Running, api.InstanceStatePut{Action: "unfreeze", Timeout: -1})
}

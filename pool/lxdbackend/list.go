package lxdbackend

import (
	"context"
	"net/http"
	"net/url"
	"regexp"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// List lists the instances and templates that carry the manager's tag.
//
// LXD hides the config of instances whose cluster member is away, and with it
// their tags. Those whose name has the form of a member's are listed as members
// of that pool, with the status Unknown: whoever remembers the name then knows
// that it is not gone. Nobody may conclude more from it; [Backend.Delete] looks
// at the tags itself.
func (b *Backend) List(ctx context.Context, manager pool.ManagerID) ([]pool.Seen, error) {
	all, err := b.everything(ctx)
	if err != nil {
		return nil, fail(pool.ErrFailed, "cannot list instances", err)
	}
	var list []pool.Seen
	for i := range all {
		in := &all[i]
		name := hiddenPool(in)
		switch {
		case ours(in, manager):
			list = append(list, seen(in))
		case name != "":
			list = append(list, pool.Seen{Name: pool.InstanceName(in.Name), Pool: name, Status: pool.Unknown, Place: placeOf(in), Created: in.CreatedAt})
		}
	}
	return list, nil
}

func seen(in *api.Instance) pool.Seen {
	return pool.Seen{
		Name: pool.InstanceName(in.Name), Pool: pool.PoolName(in.Config[tagPool]), Template: pool.Origin(in.Config[tagTemplate]),
		Of:     unfinishedCopyOf(in),
		Status: statusOf(in), Place: placeOf(in), Created: in.CreatedAt,
	}
}

// memberName is the form that the engine gives the names of members: pool,
// life of the pool, number.
var memberName = regexp.MustCompile(`^([a-z][a-z0-9-]*)-[a-z0-9]{4}-[0-9]+$`)

// hiddenPool returns the pool that an instance would be of by its name, when LXD
// could not say what its config is; else "".
func hiddenPool(in *api.Instance) pool.PoolName {
	if in.StatusCode != api.Error || len(in.Config) != 0 {
		return ""
	}
	parts := memberName.FindStringSubmatch(in.Name)
	if parts == nil {
		return ""
	}
	return pool.PoolName(parts[1])
}

// everything lists the instances of every project that can be seen. The state
// of each is not asked for, which would cost LXD ten milliseconds for each, and
// nothing is filtered by LXD, which would drop the hidden ones.
func (b *Backend) everything(ctx context.Context) ([]api.Instance, error) {
	var all []api.Instance
	err := b.get(ctx, "/1.0/instances?recursion=1&all-projects=true", &all)
	if !api.StatusErrorCheck(err, http.StatusForbidden) {
		return all, err
	}
	// A restricted certificate may list only its own projects, one by one.
	var projects []api.Project
	if err := b.get(ctx, "/1.0/projects?recursion=1", &projects); err != nil {
		return nil, err
	}
	for _, p := range projects {
		var some []api.Instance
		if err := b.get(ctx, "/1.0/instances?recursion=1&project="+url.QueryEscape(p.Name), &some); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

package lxdbackend

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// templates is what this process knows about templates; LXD's tags are the
// truth. The zero value is ready to use.
type templates struct {
	flights flights[templateKey, *api.Instance]

	mu       sync.Mutex
	finished map[templateKey]string // the name that was last good
	building map[string]bool        // names that this process is at work on
}

type templateKey struct {
	manager pool.ManagerID
	project string
	pool    pool.PoolName
	origin  pool.Origin
}

func keyOf(o pool.Order, origin pool.Origin) templateKey {
	return templateKey{o.Manager, project(o), o.Pool, origin}
}

// template returns a finished template for the order, and its origin: that of
// the order if it can still be had, else that of the image as it is now.
func (b *Backend) template(ctx context.Context, o pool.Order) (*api.Instance, pool.Origin, error) {
	baked, err := b.baked(ctx, o)
	if err != nil {
		return nil, "", err
	}
	fingerprint := fingerprintOf(o.Origin, baked)
	if fingerprint != "" {
		found, err := b.findTemplate(ctx, o, o.Origin)
		if found != nil || err != nil {
			return found, o.Origin, err
		}
	}
	from, err := b.pickImage(ctx, o, fingerprint)
	if err != nil {
		return nil, "", err
	}
	origin := originOf(from.fingerprint, baked)
	if origin != o.Origin {
		found, err := b.findTemplate(ctx, o, origin)
		if found != nil || err != nil {
			return found, origin, err
		}
	}
	pool.Report(ctx, pool.Progress{Stage: "waiting for the template of the pool"})
	made, err := b.templates.flights.do(ctx, keyOf(o, origin), func(ctx context.Context) (*api.Instance, error) {
		return b.makeTemplate(ctx, o, from, origin)
	})
	return made, origin, err
}

// pickImage prefers the image of a fingerprint, if LXD still has it.
func (b *Backend) pickImage(ctx context.Context, o pool.Order, fingerprint string) (image, error) {
	if fingerprint == "" {
		return b.findImage(ctx, o)
	}
	from, err := b.stored(ctx, o, fingerprint)
	if notFound(err) {
		return b.findImage(ctx, o)
	}
	return from, err
}

// findTemplate returns a finished template of an origin, nil if there is none.
func (b *Backend) findTemplate(ctx context.Context, o pool.Order, origin pool.Origin) (*api.Instance, error) {
	key := keyOf(o, origin)
	if name := b.templates.recall(key); name != "" {
		o.Instance = pool.InstanceName(name)
		in, err := b.look(ctx, o)
		if err == nil && isTemplate(in, o, origin) {
			return in, nil
		}
		if err != nil && !notFound(err) {
			return nil, err
		}
	}
	list, err := b.templatesOf(ctx, o)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if isTemplate(&list[i], o, origin) {
			b.templates.keep(key, list[i].Name)
			return &list[i], nil
		}
	}
	return nil, nil
}

// isTemplate reports whether members can be copied from in. One that runs was
// started by somebody, which breaks its seal.
func isTemplate(in *api.Instance, o pool.Order, origin pool.Origin) bool {
	return ours(in, o.Manager) && in.Config[tagPool] == string(o.Pool) &&
		in.Config[tagTemplate] == string(origin) && statusOf(in) == pool.Stopped
}

// templatesOf lists the templates of the order's pool, finished or not.
func (b *Backend) templatesOf(ctx context.Context, o pool.Order) ([]api.Instance, error) {
	var all []api.Instance
	if err := b.get(ctx, instances(project(o))+"&recursion=1", &all); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(in api.Instance) bool {
		return !ours(&in, o.Manager) || in.Config[tagPool] != string(o.Pool) || in.Config[tagTemplate] == ""
	}), nil
}

// templateName draws a name of its own for each attempt, so that one that LXD
// cannot delete does not stand in the way of the next.
func templateName(name pool.PoolName) string {
	return string(name) + "-template-" + strings.ToLower(rand.Text()[:8])
}

func (t *templates) recall(key templateKey) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finished[key]
}

func (t *templates) keep(key templateKey, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.finished == nil {
		t.finished = map[templateKey]string{}
	}
	t.finished[key] = name
}

// work marks a name as under construction until the returned function is called.
func (t *templates) work(name string) (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.building == nil {
		t.building = map[string]bool{}
	}
	t.building[name] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.building, name)
	}
}

func (t *templates) isBuilding(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.building[name]
}

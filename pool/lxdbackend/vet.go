package lxdbackend

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Resolve looks the image and the profiles of the spec up again.
func (b *Backend) Resolve(ctx context.Context, o pool.Order) (pool.Origin, error) {
	o = filled(o)
	from, err := b.findImage(ctx, o)
	if err != nil {
		return "", fail(kindOfSilence(err, kindOf(err)), "cannot look up image "+o.Spec.Image, err)
	}
	baked, err := b.baked(ctx, o)
	if err != nil {
		return "", fail(kindOf(err), "cannot look up the profiles of the spec", err)
	}
	return originOf(from.fingerprint, baked), nil
}

// Vet looks at everything that a spec names, and has LXD itself judge config
// and devices by making an instance without content, which it deletes again.
func (b *Backend) Vet(ctx context.Context, o pool.Order) (pool.Origin, error) {
	o = filled(o)
	const what = "cannot use this spec"
	if err := b.vetNames(ctx, o); err != nil {
		return "", fail(pool.ErrRejected, what, err)
	}
	origin, err := b.Resolve(ctx, o)
	if err != nil {
		return "", err
	}
	if err := b.vetByMaking(ctx, o); err != nil {
		return "", fail(pool.ErrRejected, what, err)
	}
	return origin, nil
}

// vetNames looks up project, profiles and target.
func (b *Backend) vetNames(ctx context.Context, o pool.Order) error {
	if err := b.mustExist(ctx, "/1.0/projects/"+url.PathEscape(project(o)),
		"project", project(o), `see "lxd-pool project list", or make it with "lxd-pool init --project `+project(o)+`"`); err != nil {
		return err
	}
	for _, name := range o.Spec.Profiles {
		if err := b.mustExist(ctx, "/1.0/profiles/"+url.PathEscape(name)+"?project="+url.QueryEscape(project(o)),
			"profile", name, `see "lxd-pool profile list --project `+project(o)+`"`); err != nil {
			return err
		}
	}
	return b.vetTarget(ctx, o)
}

func (b *Backend) vetTarget(ctx context.Context, o pool.Order) error {
	if o.Spec.Target == "" {
		return nil
	}
	known, err := b.know(ctx)
	if err != nil {
		return err
	}
	if !known.clustered {
		return pool.Errorf(pool.ErrRejected, "leave target out", "cannot use target %q: LXD is not clustered", o.Spec.Target)
	}
	if group, ok := strings.CutPrefix(o.Spec.Target, "@"); ok {
		return b.mustExist(ctx, "/1.0/cluster/groups/"+url.PathEscape(group), "cluster group", group, `see "lxc cluster group list"`)
	}
	return b.mustExist(ctx, "/1.0/cluster/members/"+url.PathEscape(o.Spec.Target), "cluster member", o.Spec.Target, `see "lxc cluster list"`)
}

func (b *Backend) mustExist(ctx context.Context, path, kind, name, next string) error {
	_, err := b.query(ctx, http.MethodGet, path, nil)
	if notFound(err) {
		return pool.Errorf(pool.ErrRejected, next, "cannot use %s %q: LXD has none of that name", kind, name)
	}
	return err
}

// vetByMaking has LXD check what only it can check. The instance carries our
// tags, so that one left behind by a crash is swept up.
func (b *Backend) vetByMaking(ctx context.Context, o pool.Order) error {
	o.Instance = pool.InstanceName(string(o.Pool) + "-vet-" + strings.ToLower(rand.Text()[:8]))
	post, err := b.request(ctx, o)
	if err != nil {
		return err
	}
	post.Source = api.InstanceSource{Type: api.SourceTypeNone}
	if _, err = b.do(ctx, http.MethodPost, instancesOn(o, o.Spec.Target), post); err != nil {
		if away(err) {
			return err
		}
		return pool.Errorf(pool.ErrRejected, remedyFor(err), "cannot use this spec: LXD refuses it: %w", err)
	}
	var refused error
	if o.Spec.Recycle == pool.ResetToSnapshot {
		refused = b.vetReset(ctx, o)
	}
	if err := b.Delete(ctx, o); err != nil {
		return err
	}
	return refused
}

// vetReset looks whether an instance could be put back to a snapshot, and would
// be clean then.
func (b *Backend) vetReset(ctx context.Context, o pool.Order) error {
	in, err := b.look(ctx, o)
	if err != nil {
		return err
	}
	if stain := sharedDisk(in.ExpandedDevices); stain != "" {
		return pool.Errorf(pool.ErrRejected, "make it readonly=true, or use recycle=replace if that is what you want",
			"cannot use recycle=reset: %s", stain)
	}
	err = b.takePristine(ctx, o)
	if err == nil || away(err) {
		return err
	}
	return pool.Errorf(pool.ErrRejected, "use recycle=replace, or allow snapshots in the project (restricted.snapshots=allow)",
		"cannot use recycle=reset: LXD takes no snapshot: %w", err)
}

// remedyFor names the next step for what LXD most often refuses.
func remedyFor(refused error) string {
	for _, known := range []struct{ said, next string }{
		{"Reached maximum", "raise the limits of the project, such as with \"lxd-pool init --project PROJECT --limit KEY=VALUE\""},
		{"forbidden", "take it out, or use a project that is not restricted"},
		{"No root device", "add a profile with a root disk, or --device root,type=disk,path=/,pool=POOL"},
		{"Unknown configuration key", "take the key out of the spec's config"},
		{"Invalid value", "correct the value in the spec's config"},
		{"etwork not found", `see "lxc network list"`},
		{"torage pool not found", `see "lxc storage list"`},
		{"virtual-machine", "use --type container"},
		{"evice", "correct the device in the spec or in its profiles"},
	} {
		if strings.Contains(refused.Error(), known.said) {
			return known.next
		}
	}
	return ""
}

package lxdbackend

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// image is what a template is made from, pinned: an alias may move, a
// fingerprint does not.
type image struct {
	fingerprint string
	remote      *Remote // nil: it is in LXD's own store
}

// source is how LXD is told to make an instance from the image. LXD itself
// downloads what it does not have.
func (i image) source() api.InstanceSource {
	source := api.InstanceSource{Type: api.SourceTypeImage, Fingerprint: i.fingerprint}
	if i.remote != nil {
		source.Mode, source.Protocol = "pull", "simplestreams"
		source.Server, source.Certificate = i.remote.URL, i.remote.Cert
	}
	return source
}

// findImage looks the spec's image up.
func (b *Backend) findImage(ctx context.Context, o pool.Order) (image, error) {
	remote, name, err := b.splitImage(o.Spec.Image)
	if err != nil {
		return image{}, err
	}
	if remote == nil {
		return b.localImage(ctx, o, name)
	}
	fingerprint, err := b.remoteImage(ctx, o, *remote, name)
	return image{fingerprint, remote}, err
}

func (b *Backend) splitImage(text string) (remote *Remote, name string, err error) {
	prefix, rest, ok := strings.Cut(text, ":")
	switch known, isRemote := b.options.Remotes[prefix]; {
	case !ok:
		return nil, text, nil
	case prefix == "local":
		return nil, rest, nil
	case isRemote:
		return &known, rest, nil
	}
	names := slices.Sorted(maps.Keys(b.options.Remotes))
	return nil, "", pool.Errorf(pool.ErrRejected, "use one of "+strings.Join(names, ", ")+", or the name of a local image",
		"cannot use image %q: there is no remote %q", text, prefix)
}

// localImage finds an alias or the beginning of a fingerprint in LXD's store.
func (b *Backend) localImage(ctx context.Context, o pool.Order, name string) (image, error) {
	in := "?project=" + url.QueryEscape(project(o))
	var alias api.ImageAliasesEntry
	err := b.get(ctx, "/1.0/images/aliases/"+url.PathEscape(name)+in, &alias)
	if err == nil {
		return image{fingerprint: alias.Target}, checkType(o, alias.Type)
	}
	if !notFound(err) {
		return image{}, err
	}
	var found api.Image
	err = b.get(ctx, "/1.0/images/"+url.PathEscape(name)+in, &found)
	if notFound(err) || api.StatusErrorCheck(err, http.StatusBadRequest) {
		return image{}, pool.Errorf(pool.ErrRejected, `see "lxc image list", or use REMOTE:IMAGE such as ubuntu:24.04`,
			"cannot use image %q: LXD has no such image in project %q", name, project(o))
	}
	if err != nil {
		return image{}, err
	}
	return image{fingerprint: found.Fingerprint}, checkType(o, found.Type)
}

// stored returns the image of a fingerprint if LXD has it already.
func (b *Backend) stored(ctx context.Context, o pool.Order, fingerprint string) (image, error) {
	var found api.Image
	path := "/1.0/images/" + url.PathEscape(fingerprint) + "?project=" + url.QueryEscape(project(o))
	if err := b.get(ctx, path, &found); err != nil {
		return image{}, err
	}
	return image{fingerprint: found.Fingerprint}, nil
}

func checkType(o pool.Order, kind string) error {
	if kind == "" || kind == string(o.Spec.Type) {
		return nil
	}
	return pool.Errorf(pool.ErrRejected, "choose another image, or another --type",
		"cannot use image %q: it is for a %s, not a %s", o.Spec.Image, kind, o.Spec.Type)
}

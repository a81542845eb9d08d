package lxdbackend

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// image is what a template is made from, pinned: an alias may move, a
// fingerprint does not.
type image struct {
	fingerprint string
	from        *known // nil: it is in LXD's own store
}

// source is how LXD is told to make an instance from the image. LXD itself
// downloads what it does not have.
func (b *Backend) source(ctx context.Context, i image) (api.InstanceSource, error) {
	source := api.InstanceSource{Type: api.SourceTypeImage, Fingerprint: i.fingerprint}
	if i.from == nil {
		return source, nil
	}
	secret, err := b.imageSecret(ctx, i)
	source.Mode, source.Protocol, source.Secret = "pull", string(i.from.Protocol), secret
	source.Server, source.Certificate = i.from.URL, i.from.ServerCert
	return source, err
}

// imageSecret returns what another LXD lets an image be fetched with, once, by
// somebody whom it does not know; "" when it asks for nothing.
func (b *Backend) imageSecret(ctx context.Context, i image) (string, error) {
	if i.from.Protocol != pool.LXDProtocol || i.from.Public {
		return "", nil
	}
	there, _, err := b.dial(*i.from)
	if err != nil {
		return "", err
	}
	defer there.Close()
	op, err := there.begin(ctx, http.MethodPost, "/1.0/images/"+url.PathEscape(i.fingerprint)+"/secret", nil)
	if err != nil {
		return "", elsewhere(i.from.URL, err)
	}
	secret, _ := op.Metadata["secret"].(string)
	return secret, nil
}

// findImage looks the spec's image up.
func (b *Backend) findImage(ctx context.Context, o pool.Order) (image, error) {
	remote, name := pool.SplitImage(o.Spec.Image)
	if remote == "" {
		return b.localImage(ctx, o, name)
	}
	k, ok := b.book.find(remote)
	switch {
	case !ok:
		return image{}, pool.Errorf(pool.ErrRejected, `see "lxd-pool remote list", or use the name of a local image`,
			"cannot use image %q: there is no remote %q", o.Spec.Image, string(remote))
	case k.Protocol == pool.LXDProtocol:
		return b.foreignImage(ctx, o, k, name)
	}
	fingerprint, err := b.remoteImage(ctx, k, o.Spec.Image, o.Spec.Type, name)
	return image{fingerprint, &k}, err
}

// localImage finds an alias or the beginning of a fingerprint in LXD's store.
func (b *Backend) localImage(ctx context.Context, o pool.Order, name string) (image, error) {
	found, err := b.storedImage(ctx, project(o), name)
	if notFound(err) {
		return image{}, pool.Errorf(pool.ErrRejected, `see "lxd-pool image list", or use REMOTE:IMAGE such as ubuntu:24.04`,
			"cannot use image %q: LXD has no such image in project %q", name, project(o))
	}
	if err != nil {
		return image{}, err
	}
	return image{fingerprint: found.Fingerprint}, checkType(o, found.Type)
}

// foreignImage finds an image in the store of another LXD.
func (b *Backend) foreignImage(ctx context.Context, o pool.Order, k known, name string) (image, error) {
	there, _, err := b.dial(k)
	if err != nil {
		return image{}, err
	}
	defer there.Close()
	found, err := there.storedImage(ctx, "default", name)
	switch {
	case notFound(err):
		return image{}, pool.Errorf(pool.ErrRejected, `see "lxd-pool image list `+strings.SplitN(o.Spec.Image, ":", 2)[0]+`:"`,
			"cannot use image %q: the LXD at %s has no such image", o.Spec.Image, k.URL)
	case err != nil:
		return image{}, elsewhere(k.URL, err)
	}
	return image{found.Fingerprint, &k}, checkType(o, found.Type)
}

// elsewhere marks the silence of another server, which is not that of our LXD.
func elsewhere(where string, err error) error {
	if silent := (*awayError)(nil); errors.As(err, &silent) {
		return silence(where, silent.cause)
	}
	return err
}

// storedImage returns the image of an alias, or of the beginning of a
// fingerprint, in the store of this LXD.
func (b *Backend) storedImage(ctx context.Context, project, name string) (*api.Image, error) {
	in := "?project=" + url.QueryEscape(project)
	var alias api.ImageAliasesEntry
	err := b.get(ctx, "/1.0/images/aliases/"+url.PathEscape(name)+in, &alias)
	if err == nil {
		name = alias.Target
	} else if !notFound(err) {
		return nil, err
	}
	found := new(api.Image)
	err = b.get(ctx, "/1.0/images/"+url.PathEscape(name)+in, found)
	if api.StatusErrorCheck(err, http.StatusBadRequest) {
		err = api.StatusErrorf(http.StatusNotFound, "%w", err) // what cannot be a fingerprint is none
	}
	return found, err
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

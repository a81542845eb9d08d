package lxdbackend

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// inProject is a path of images with its project.
func inProject(path, project string) string {
	return path + "?project=" + url.QueryEscape(project)
}

func imagePath(fingerprint, below, project string) string {
	return inProject("/1.0/images/"+url.PathEscape(fingerprint)+below, project)
}

// Images lists the store of a project, or what a remote has.
func (b *Backend) Images(ctx context.Context, remote pool.RemoteName, project string) ([]pool.Image, error) {
	all, err := b.allImages(ctx, remote, project)
	if err != nil {
		return nil, fail(kindOfSilence(err, kindOfImage(err)), "cannot list images", err)
	}
	list := make([]pool.Image, len(all))
	for i := range all {
		list[i] = *imageFrom(&all[i])
	}
	return list, nil
}

func (b *Backend) allImages(ctx context.Context, remote pool.RemoteName, project string) ([]api.Image, error) {
	if remote == "" {
		return b.storeOf(ctx, project)
	}
	k, ok := b.book.find(remote)
	if !ok {
		return nil, pool.NoRemote(remote)
	}
	if k.Protocol == pool.Simplestreams {
		return serverImages(ctx, k)
	}
	there, _, err := b.dial(k)
	if err != nil {
		return nil, err
	}
	defer there.Close()
	all, err := there.storeOf(ctx, "default")
	return all, elsewhere(k.URL, err)
}

// storeOf lists the store of a project. LXD itself does not mind one that there
// is not.
func (b *Backend) storeOf(ctx context.Context, project string) ([]api.Image, error) {
	if err := b.needProject(ctx, project); err != nil {
		return nil, err
	}
	var all []api.Image
	err := b.get(ctx, inProject("/1.0/images", project)+"&recursion=1", &all)
	return all, err
}

func (b *Backend) needProject(ctx context.Context, project string) error {
	if project == "default" {
		return nil
	}
	_, _, err := b.project(ctx, project)
	return err
}

// imageFrom is an image as LXD tells of it.
func imageFrom(in *api.Image) *pool.Image {
	out := &pool.Image{
		Fingerprint: in.Fingerprint, Aliases: []string{}, Type: pool.Type(in.Type), Architecture: in.Architecture, Size: in.Size,
		Public: in.Public, AutoUpdate: in.AutoUpdate, Cached: in.Cached, Properties: map[string]string{},
		Created: in.CreatedAt.UTC(), Uploaded: in.UploadedAt.UTC(), LastUsed: in.LastUsedAt.UTC(), Expires: in.ExpiresAt.UTC(),
	}
	for _, alias := range in.Aliases {
		out.Aliases = append(out.Aliases, alias.Name)
	}
	maps.Copy(out.Properties, in.Properties)
	for _, when := range []*time.Time{&out.Created, &out.Uploaded, &out.LastUsed, &out.Expires} {
		if when.Year() <= 1970 { // LXD's way to say never
			*when = time.Time{}
		}
	}
	if from := in.UpdateSource; from != nil {
		out.Source = &pool.ImageSource{URL: from.Server, Protocol: pool.Protocol(from.Protocol), Alias: from.Alias}
	}
	return out
}

// kindOfImage is the kind of an error about images.
func kindOfImage(err error) error {
	if notFound(err) {
		return pool.ErrNotFound
	}
	return pool.ErrRejected
}

func noImage(ref pool.ImageRef) error {
	list := ""
	if ref.Remote != "" {
		list = " " + string(ref.Remote) + ":"
	}
	return pool.Errorf(pool.ErrNotFound, `see "lxd-pool image list`+list+`"`, "cannot find image %q", ref.String())
}

// Image returns one image.
func (b *Backend) Image(ctx context.Context, ref pool.ImageRef) (*pool.Image, error) {
	found, err := b.lookUpImage(ctx, ref)
	if err != nil {
		return nil, fail(kindOfSilence(err, kindOfImage(err)), "cannot show image "+ref.String(), err)
	}
	return imageFrom(found), nil
}

func (b *Backend) lookUpImage(ctx context.Context, ref pool.ImageRef) (*api.Image, error) {
	if ref.Name == "" {
		return nil, noImage(ref)
	}
	if ref.Remote == "" {
		if err := b.needProject(ctx, ref.Project); err != nil {
			return nil, err
		}
		found, err := b.storedImage(ctx, ref.Project, ref.Name)
		if notFound(err) {
			err = noImage(ref)
		}
		return found, err
	}
	k, ok := b.book.find(ref.Remote)
	if !ok {
		return nil, pool.NoRemote(ref.Remote)
	}
	return b.imageOn(ctx, k, ref)
}

// imageOn finds an image on a remote.
func (b *Backend) imageOn(ctx context.Context, k known, ref pool.ImageRef) (*api.Image, error) {
	if k.Protocol == pool.LXDProtocol {
		there, _, err := b.dial(k)
		if err != nil {
			return nil, err
		}
		defer there.Close()
		found, err := there.storedImage(ctx, "default", ref.Name)
		if notFound(err) {
			return nil, noImage(ref)
		}
		return found, elsewhere(k.URL, err)
	}
	fingerprint, err := b.remoteImage(ctx, k, ref.String(), ref.Type, ref.Name)
	if err != nil {
		if errors.Is(err, pool.ErrRejected) {
			err = noImage(ref)
		}
		return nil, err
	}
	all, err := serverImages(ctx, k)
	for i := range all {
		if all[i].Fingerprint == fingerprint {
			return &all[i], nil
		}
	}
	return nil, cmp.Or(err, noImage(ref))
}

// EditImage changes properties and flags. What it does not name stays.
func (b *Backend) EditImage(ctx context.Context, ref pool.ImageRef, e pool.ImageEdit) (*pool.Image, error) {
	what := "cannot change image " + ref.String()
	found, err := b.lookUpImage(ctx, ref)
	if err != nil {
		return nil, fail(kindOfImage(err), what, err)
	}
	put := found.Writable()
	put.Properties = maps.Clone(put.Properties)
	if put.Properties == nil {
		put.Properties = map[string]string{}
	}
	for key, value := range e.Properties {
		if put.Properties[key] = value; value == "" {
			delete(put.Properties, key)
		}
	}
	if e.Public != nil {
		put.Public = *e.Public
	}
	if e.AutoUpdate != nil {
		if *e.AutoUpdate && found.UpdateSource == nil {
			return nil, pool.Invalidf("copy it from a remote with --auto-update", "%s: it came from nowhere that could have a newer one", what)
		}
		put.AutoUpdate = *e.AutoUpdate
	}
	if _, err := b.query(ctx, http.MethodPut, imagePath(found.Fingerprint, "", ref.Project), put); err != nil {
		return nil, fail(kindOfImage(err), what, err)
	}
	ref.Name = found.Fingerprint
	return b.Image(ctx, ref)
}

// RefreshImage has LXD look where the image came from.
func (b *Backend) RefreshImage(ctx context.Context, ref pool.ImageRef) (bool, error) {
	what := "cannot refresh image " + ref.String()
	found, err := b.lookUpImage(ctx, ref)
	if err != nil {
		return false, fail(kindOfImage(err), what, err)
	}
	if found.UpdateSource == nil {
		return false, pool.Invalidf("copy one from a remote", "%s: it came from nowhere that could have a newer one", what)
	}
	op, err := b.begin(ctx, http.MethodPost, imagePath(found.Fingerprint, "/refresh", ref.Project), nil)
	if err == nil {
		op, err = b.oversee(ctx, op, "downloading the image")
	}
	if err != nil {
		return false, fail(kindOfImage(err), what, err)
	}
	refreshed, _ := op.Metadata["refreshed"].(bool)
	return refreshed, nil
}

// DeleteImage deletes an image, and nil says that it is gone.
func (b *Backend) DeleteImage(ctx context.Context, ref pool.ImageRef) error {
	what := "cannot delete image " + ref.String()
	found, err := b.lookUpImage(ctx, ref)
	if err == nil {
		_, err = b.do(ctx, http.MethodDelete, imagePath(found.Fingerprint, "", ref.Project), nil)
	}
	return fail(kindOfImage(err), what, err)
}

// ImageAliases lists the aliases of a project's store.
func (b *Backend) ImageAliases(ctx context.Context, project string) ([]pool.ImageAlias, error) {
	var all []api.ImageAliasesEntry
	err := b.needProject(ctx, project)
	if err == nil {
		err = b.get(ctx, inProject("/1.0/images/aliases", project)+"&recursion=1", &all)
	}
	if err != nil {
		return nil, fail(kindOfImage(err), "cannot list aliases", err)
	}
	list := make([]pool.ImageAlias, len(all))
	for i, a := range all {
		list[i] = pool.ImageAlias{Name: a.Name, Description: a.Description, Image: a.Target, Type: pool.Type(a.Type)}
	}
	return list, nil
}

// CreateImageAlias gives an image another name, if it is free.
func (b *Backend) CreateImageAlias(ctx context.Context, project string, a pool.ImageAlias) (*pool.ImageAlias, error) {
	what := "cannot make alias " + a.Name
	ref := pool.RefImage(a.Image, project)
	found, err := b.lookUpImage(ctx, ref)
	if err == nil {
		err = b.freeAliases(ctx, project, a.Name)
	}
	if err == nil {
		err = b.giveAlias(ctx, project, a.Name, a.Description, found.Fingerprint)
	}
	if err != nil {
		return nil, fail(kindOfImage(err), what, err)
	}
	a.Image, a.Type = found.Fingerprint, pool.Type(found.Type)
	return &a, nil
}

// DeleteImageAlias takes a name away.
func (b *Backend) DeleteImageAlias(ctx context.Context, project, name string) error {
	err := b.needProject(ctx, project)
	if err == nil {
		_, err = b.query(ctx, http.MethodDelete, aliasPath(project, name), nil)
	}
	if notFound(err) {
		return pool.Errorf(pool.ErrNotFound, `see "lxd-pool image alias list"`, "cannot find alias %q", name)
	}
	return fail(kindOfImage(err), "cannot delete alias "+name, err)
}

func aliasPath(project, name string) string {
	return inProject("/1.0/images/aliases/"+url.PathEscape(name), project)
}

// freeAliases reports, as an [pool.ErrExists], the first that is taken.
func (b *Backend) freeAliases(ctx context.Context, project string, names ...string) error {
	for _, name := range names {
		_, err := b.query(ctx, http.MethodGet, aliasPath(project, name), nil)
		switch {
		case err == nil:
			return takenAlias(name)
		case !notFound(err):
			return err
		}
	}
	return nil
}

func takenAlias(name string) error {
	return pool.Errorf(pool.ErrExists, `choose another, or delete it with "lxd-pool image alias delete `+name+`"`,
		"cannot use alias %q: an image has it already", name)
}

func (b *Backend) giveAlias(ctx context.Context, project, name, description, fingerprint string) error {
	post := api.ImageAliasesPost{ImageAliasesEntry: api.ImageAliasesEntry{Name: name, Description: description, Target: fingerprint}}
	_, err := b.query(ctx, http.MethodPost, inProject("/1.0/images/aliases", project), post)
	if api.StatusErrorCheck(err, http.StatusConflict) || err != nil && strings.Contains(err.Error(), "already exists") {
		return takenAlias(name)
	}
	return err
}

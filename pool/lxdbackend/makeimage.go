package lxdbackend

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// imageMaking is an image on its way into the store.
type imageMaking struct {
	pool.NewImage
	what  string // "cannot X"
	stage string
	// had: the image was there before, so that it stays whatever happens.
	had bool
	// begin has LXD begin.
	begin func(ctx context.Context) (*api.Operation, error)
}

// makeImage carries an image into the store and gives it its aliases. After an
// error, also that of ctx, the store is as it was.
func (b *Backend) makeImage(ctx context.Context, making imageMaking) (*pool.Image, error) {
	made, err := b.carryImage(ctx, making)
	if err != nil {
		return nil, fail(kindOfSilence(err, kindOfImage(err)), making.what, err)
	}
	return b.Image(ctx, pool.ImageRef{Project: making.Project, Name: made})
}

func (b *Backend) carryImage(ctx context.Context, making imageMaking) (fingerprint string, err error) {
	if err := b.needProject(ctx, making.Project); err != nil {
		return "", err
	}
	if err := b.freeAliases(ctx, making.Project, making.Aliases...); err != nil {
		return "", err
	}
	op, err := making.begin(ctx)
	if err != nil {
		return "", existsAlready(making.what, err)
	}
	op, err = b.oversee(ctx, op, making.stage)
	if op != nil && op.StatusCode == api.Success {
		fingerprint, _ = op.Metadata["fingerprint"].(string)
	}
	given := 0
	for err == nil && given < len(making.Aliases) {
		if err = b.giveAlias(ctx, making.Project, making.Aliases[given], "", fingerprint); err == nil || away(err) {
			given++
		}
	}
	if err == nil {
		return fingerprint, nil
	}
	b.unmakeImage(ctx, making, fingerprint, given)
	return "", existsAlready(making.what, err)
}

// unmakeImage takes away what was made: the image with its aliases, or only the
// aliases of one that was there before.
func (b *Backend) unmakeImage(ctx context.Context, making imageMaking, fingerprint string, given int) {
	if fingerprint == "" {
		return
	}
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	if !making.had {
		_, _ = b.do(tidy, http.MethodDelete, imagePath(fingerprint, "", making.Project), nil)
		return
	}
	for _, name := range making.Aliases[:given] {
		var alias api.ImageAliasesEntry
		if b.get(tidy, aliasPath(making.Project, name), &alias) == nil && alias.Target == fingerprint {
			_, _ = b.query(tidy, http.MethodDelete, aliasPath(making.Project, name), nil)
		}
	}
}

// existsAlready recognises LXD's words for an image that it has.
func existsAlready(what string, err error) error {
	var ended *operationError
	if errors.As(err, &ended) && (strings.Contains(ended.text, "same fingerprint already exists") || strings.Contains(ended.text, "image already exists")) {
		return pool.Errorf(pool.ErrExists, `give it another name with "lxd-pool image alias create"`, "%s: LXD has the very same image already", what)
	}
	return err
}

// CopyImage has LXD fetch an image from a remote.
func (b *Backend) CopyImage(ctx context.Context, c pool.CopyImage) (*pool.Image, error) {
	ref := pool.ImageRef{Remote: c.Remote, Name: c.Image, Type: c.Type}
	what := "cannot copy image " + ref.String()
	k, ok := b.book.find(c.Remote)
	if !ok {
		return nil, pool.NoRemote(c.Remote)
	}
	found, err := b.imageOn(ctx, k, ref)
	if err != nil {
		return nil, fail(kindOfSilence(err, kindOfImage(err)), what, err)
	}
	private := k.Protocol == pool.LXDProtocol && !found.Public
	if c.AutoUpdate && private {
		return nil, pool.Invalidf("make it public there, or leave --auto-update out", "%s and keep it up to date: LXD can look for a newer one of public images only", what)
	}
	if c.CopyAliases {
		for _, alias := range found.Aliases {
			if !slices.Contains(c.Aliases, alias.Name) {
				c.Aliases = append(c.Aliases, alias.Name)
			}
		}
	}
	_, err = b.storedImage(ctx, c.Project, found.Fingerprint)
	if err != nil && !notFound(err) {
		return nil, fail(kindOfImage(err), what, err)
	}
	return b.makeImage(ctx, imageMaking{NewImage: c.NewImage, what: what, stage: "downloading the image", had: err == nil,
		begin: func(ctx context.Context) (*api.Operation, error) { return b.beginCopy(ctx, c, k, found) }})
}

// beginCopy names the image by its alias where LXD shall look for a newer one.
func (b *Backend) beginCopy(ctx context.Context, c pool.CopyImage, k known, found *api.Image) (*api.Operation, error) {
	source := &api.ImagesPostSource{
		ImageSource: api.ImageSource{Certificate: k.ServerCert, Protocol: string(k.Protocol), Server: k.URL, ImageType: found.Type},
		Mode:        "pull", Type: "image", Fingerprint: found.Fingerprint,
	}
	if c.AutoUpdate && !strings.HasPrefix(found.Fingerprint, c.Image) {
		source.Fingerprint, source.Alias = "", c.Image
	}
	if !found.Public {
		secret, err := b.imageSecret(ctx, image{found.Fingerprint, &k})
		if err != nil {
			return nil, err
		}
		source.Secret = secret
	}
	post := api.ImagesPost{ImagePut: api.ImagePut{AutoUpdate: c.AutoUpdate, Public: c.Public}, Source: source}
	return b.begin(ctx, http.MethodPost, inProject("/1.0/images", c.Project), post)
}

// publishing begins the names of the snapshots that images are made of.
const publishing = "lxd-pool-publish-"

// Publish makes an image from a snapshot, so that the instance may go on, and
// takes the snapshot away again.
func (b *Backend) Publish(ctx context.Context, o pool.Order, p pool.PublishImage) (*pool.Image, error) {
	o = filled(o)
	what := "cannot publish instance " + string(o.Instance)
	if _, err := b.look(ctx, o); err != nil {
		if notFound(err) {
			return nil, pool.Errorf(pool.ErrNoInstance, `see "lxd-pool instances"`, "%s: there is none of that name in project %s", what, project(o))
		}
		return nil, fail(pool.ErrFailed, what, err)
	}
	if err := b.freeAliases(ctx, p.Project, p.Aliases...); err != nil {
		return nil, fail(pool.ErrRejected, what, err)
	}
	name := publishing + strings.ToLower(rand.Text()[:8])
	defer b.tidySnapshot(ctx, o, name)
	pool.Report(ctx, pool.Progress{Stage: "taking a snapshot"})
	if err := b.snapWhole(ctx, o, name); err != nil {
		return nil, fail(blame(err), what, err)
	}
	return b.makeImage(ctx, imageMaking{NewImage: p.NewImage, what: what, stage: "packing the image",
		begin: func(ctx context.Context) (*api.Operation, error) {
			post := api.ImagesPost{ImagePut: api.ImagePut{Public: p.Public, Properties: p.Properties}}
			post.Source = &api.ImagesPostSource{Type: "snapshot", Name: string(o.Instance) + "/" + name}
			return b.begin(ctx, http.MethodPost, inProject("/1.0/images", p.Project), post)
		}})
}

// snapWhole takes a snapshot to its end, since half a one is harder to take away.
func (b *Backend) snapWhole(ctx context.Context, o pool.Order, name string) error {
	steady, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	if err := b.change(steady, http.MethodPost, at(o, "/snapshots"), api.InstanceSnapshotsPost{Name: name}); err != nil {
		return err
	}
	return ctx.Err()
}

func (b *Backend) tidySnapshot(ctx context.Context, o pool.Order, name string) {
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	_ = b.change(tidy, http.MethodDelete, at(o, "/snapshots/"+name), nil) // what remains goes when the instance is recycled
}

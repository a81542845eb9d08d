package lxdbackend

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	// cleanStop is how long the template may take to shut down by itself.
	cleanStop = 30 * time.Second
	// tidyLimit bounds the deletion of a template that could not be finished.
	tidyLimit = 30 * time.Second
)

// makeTemplate builds a template, unless somebody has meanwhile. Whatever an
// earlier attempt left behind is deleted, and so is this one if it fails.
func (b *Backend) makeTemplate(ctx context.Context, o pool.Order, from image, origin pool.Origin) (*api.Instance, error) {
	if found, err := b.findTemplate(ctx, o, origin); found != nil || err != nil {
		return found, err
	}
	if err := b.deleteUnusable(ctx, o, origin); err != nil {
		return nil, err
	}
	o.Instance = pool.InstanceName(templateName(o.Pool))
	defer b.templates.work(string(o.Instance))()
	if err := b.buildTemplate(ctx, o, from, origin); err != nil {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
		defer cancel()
		_ = b.Delete(tidy, o) // what remains is recognised as unfinished
		return nil, fail(pool.ErrFailed, "cannot build the template of pool "+string(o.Pool), err)
	}
	b.templates.keep(keyOf(o, origin), string(o.Instance))
	return b.look(ctx, o)
}

// deleteUnusable removes what a crash left unfinished, and what was made for
// this origin but is no longer sealed. One that LXD cannot delete is left to the
// next time: it is in nobody's way.
func (b *Backend) deleteUnusable(ctx context.Context, o pool.Order, origin pool.Origin) error {
	list, err := b.templatesOf(ctx, o)
	if err != nil {
		return err
	}
	for _, in := range list {
		made := pool.Origin(in.Config[tagTemplate])
		if made != pool.Building && made != origin || b.templates.isBuilding(in.Name) {
			continue
		}
		o.Instance = pool.InstanceName(in.Name)
		if err := b.Delete(ctx, o); away(err) {
			return err
		}
	}
	return nil
}

// buildTemplate brings o.Instance from nothing to a finished template.
func (b *Backend) buildTemplate(ctx context.Context, o pool.Order, from image, origin pool.Origin) error {
	pool.Report(ctx, pool.Progress{Stage: "making the template of the pool from its image"})
	if err := b.makeFromImage(ctx, o, from); err != nil {
		return err
	}
	if err := b.firstStart(ctx, o); err != nil {
		return err
	}
	if err := b.setUp(ctx, o); err != nil {
		return err
	}
	pool.Report(ctx, pool.Progress{Stage: "stopping and sealing the template"})
	if err := b.sealAndStop(ctx, o); err != nil {
		return err
	}
	config := map[string]string{tagTemplate: string(origin)}
	if forCloudInit(o.Spec.Setup) {
		maps.Copy(config, withoutUserData(o))
	}
	return b.change(ctx, http.MethodPatch, at(o, ""), map[string]any{"config": config})
}

// firstStart starts the template, without the spec's probe, which may ask for
// what only the setup brings.
func (b *Backend) firstStart(ctx context.Context, o pool.Order) error {
	stage := "starting the template for the first time"
	if forCloudInit(o.Spec.Setup) {
		stage = "starting the template, in which cloud-init does the setup"
		patient := *o.Spec
		patient.ReadyTimeout = max(patient.ReadyTimeout, pool.Duration(cloudSetupLimit))
		o.Spec = &patient
	}
	pool.Report(ctx, pool.Progress{Stage: stage})
	_, err := b.startUsable(ctx, o, "")
	return err
}

func (b *Backend) makeFromImage(ctx context.Context, o pool.Order, from image) error {
	post, err := b.request(ctx, o)
	if err != nil {
		return err
	}
	if post.Source, err = b.source(ctx, from); err != nil {
		return err
	}
	post.Config[tagTemplate] = string(pool.Building)
	if forCloudInit(o.Spec.Setup) {
		known, err := b.know(ctx)
		if err != nil {
			return err
		}
		giveUserData(post.Config, o, known)
	}
	_, err = b.do(ctx, http.MethodPost, instancesOn(o, o.Spec.Target), post)
	return err
}

// stopCleanly lets the instance shut down, and stops it by force when that
// takes too long.
func (b *Backend) stopCleanly(ctx context.Context, o pool.Order) error {
	put := api.InstanceStatePut{Action: "stop", Timeout: int(cleanStop.Seconds())}
	if err := b.reach(ctx, o, pool.Stopped, put); err == nil || away(err) {
		return err
	}
	return b.stop(ctx, o)
}

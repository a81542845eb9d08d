package lxdbackend

import (
	"context"
	"errors"
	"net/http"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// attempts is how often a deletion that LXD refuses is tried again at once.
const attempts = 3

// Delete deletes the instance or template, whatever state it is in, if it
// carries the tag of the order's manager.
func (b *Backend) Delete(ctx context.Context, o pool.Order) error {
	what := "cannot delete instance " + string(o.Instance)
	last := errors.New("LXD said that it did, but it is still there")
	for pause, try := newPause(), 0; ; try++ {
		in, err := b.look(ctx, o)
		switch {
		case notFound(err):
			return nil
		case err != nil:
			return fail(pool.ErrFailed, what, err)
		case !ours(in, o.Manager):
			return foreign(what, in)
		case try == attempts:
			return pool.Errorf(pool.ErrFailed, wedgedRemedy(o), "%s: %w", what, last)
		}
		err = b.removeOnce(ctx, o, in)
		if err == nil {
			continue
		}
		if last = err; away(err) || pause.sleep(ctx) != nil {
			return fail(pool.ErrFailed, what, err)
		}
	}
}

// removeOnce does what it takes to delete in as it was last seen. Nil: LXD says
// that it did; the next look decides.
func (b *Backend) removeOnce(ctx context.Context, o pool.Order, in *api.Instance) error {
	if statusOf(in) != pool.Stopped {
		if err := b.stop(ctx, o); err != nil {
			return err
		}
	}
	if in.ExpandedConfig["security.protection.delete"] == "true" {
		off := map[string]any{"config": map[string]string{"security.protection.delete": "false"}}
		if err := b.change(ctx, http.MethodPatch, at(o, ""), off); err != nil {
			return err
		}
	}
	return b.change(ctx, http.MethodDelete, at(o, ""), nil)
}

func foreign(what string, in *api.Instance) error {
	if in.StatusCode == api.Error && len(in.Config) == 0 {
		return pool.Errorf(pool.ErrUnavailable, "bring the cluster member back", "%s: its cluster member %s is away", what, in.Location)
	}
	return pool.Errorf(pool.ErrForbidden, "", "%s: it does not carry the tag of this lxd-pool, so it is not touched", what)
}

// wedgedRemedy is for an instance that LXD cannot delete: one whose creation
// was cut off by the end of LXD, and that somebody tried to start.
func wedgedRemedy(o pool.Order) string {
	return "look at it with \"lxc info --show-log --project " + project(o) + " " + string(o.Instance) +
		"\"; if its storage volume is damaged, remove what is left of the volume on the LXD host by hand, and it will be deleted then"
}

package lxdbackend

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Reset puts the instance back to the snapshot that was taken before its first
// start, which brings back its files, config, devices and profiles, and removes
// what its holder left beside them, such as snapshots and what was written to its
// console. Then it looks: nil only if what LXD shows is what Create made. An error
// means that it could not be shown clean.
func (b *Backend) Reset(ctx context.Context, o pool.Order) error {
	o = filled(o)
	what := "cannot reset instance " + string(o.Instance)
	if o.Spec.Recycle != pool.ResetToSnapshot {
		return pool.Errorf(pool.ErrFailed, "", "%s: its pool has recycle=%s, so it has no pristine snapshot", what, o.Spec.Recycle)
	}
	if err := b.putBack(ctx, o); err != nil {
		return fail(blame(err), what, err)
	}
	known, err := b.know(ctx)
	if err != nil {
		return fail(blame(err), what, err)
	}
	now, err := b.lookWhole(ctx, o)
	if err != nil {
		return fail(blame(err), what, err)
	}
	if stain := differences(o, now, known); stain != "" {
		return pool.Errorf(pool.ErrFailed, "", "%s: it is not as it was made: %s", what, stain)
	}
	return nil
}

func (b *Backend) putBack(ctx context.Context, o pool.Order) error {
	if err := b.stop(ctx, o); err != nil {
		return err
	}
	before, err := b.lookWhole(ctx, o)
	if err != nil {
		return err
	}
	if !ours(&before.Instance, o.Manager) {
		// Its holder took the tags away; restoring brings them back, but until
		// then it is not known to be ours.
		return foreign("cannot reset instance "+string(o.Instance), &before.Instance)
	}
	if err := b.deleteExtras(ctx, o, before); err != nil {
		return err
	}
	if err := b.clearConsole(ctx, o); err != nil {
		return err
	}
	return b.change(ctx, http.MethodPut, at(o, ""), map[string]string{"restore": string(pool.PristineSnapshot)})
}

// clearConsole empties the file in which LXD keeps what a container wrote to its
// console, over all its starts. It has none for a virtual machine.
func (b *Backend) clearConsole(ctx context.Context, o pool.Order) error {
	if o.Spec.Type == pool.VirtualMachine {
		return nil
	}
	return b.change(ctx, http.MethodDelete, at(o, "/console"), nil)
}

// lookWhole reads the instance with its snapshots and backups.
func (b *Backend) lookWhole(ctx context.Context, o pool.Order) (*api.InstanceFull, error) {
	in := new(api.InstanceFull)
	if err := b.get(ctx, at(o, "")+"&recursion=1", in); err != nil {
		return nil, err
	}
	return in, nil
}

// deleteExtras deletes the snapshots and backups that Create did not make. It
// comes before the restore, since some storage restores only the latest.
func (b *Backend) deleteExtras(ctx context.Context, o pool.Order, in *api.InstanceFull) error {
	for _, snapshot := range in.Snapshots {
		if isPristine(snapshot) {
			continue
		}
		if err := b.change(ctx, http.MethodDelete, at(o, "/snapshots/"+url.PathEscape(snapshot.Name)), nil); err != nil {
			return err
		}
	}
	for _, backup := range in.Backups {
		if err := b.change(ctx, http.MethodDelete, at(o, "/backups/"+url.PathEscape(backup.Name)), nil); err != nil {
			return err
		}
	}
	return nil
}

// differences tells how in differs from what Create makes of the order, "" if
// it does not.
func differences(o pool.Order, in *api.InstanceFull, known *facts) string {
	switch {
	case statusOf(&in.Instance) != pool.Stopped:
		return "it is " + in.Status
	case len(in.Backups) != 0:
		return "it has backups"
	case len(in.Snapshots) != 1 || !isPristine(in.Snapshots[0]):
		return "its snapshots are not those it was made with"
	case ran(in.Snapshots[0].Config):
		return "its pristine snapshot was not taken before its first start"
	case !slices.Equal(in.Profiles, o.Spec.Profiles):
		return "its profiles are " + strings.Join(in.Profiles, ", ")
	case !maps.EqualFunc(in.Devices, o.Spec.Devices, maps.Equal[map[string]string]):
		return "its devices differ"
	case in.Ephemeral:
		return "it is ephemeral"
	}
	if stain := configDifference(config(o, known), in.Config); stain != "" {
		return stain
	}
	return sharedDisk(in.ExpandedDevices)
}

// configDifference allows for what LXD itself adds: volatile keys and what the
// image says of itself.
func configDifference(want, have map[string]string) string {
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if strings.HasPrefix(key, "volatile.") || strings.HasPrefix(key, "image.") {
			continue
		}
		if value, ok := want[key]; !ok || value != have[key] {
			return fmt.Sprintf("config key %s is %q", key, have[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, ok := have[key]; !ok {
			return fmt.Sprintf("config key %s is missing", key)
		}
	}
	return ""
}

// ran reports whether an instance with this config was ever started. LXD sets
// the key at the first start; so a snapshot that was swapped for a later one
// gives itself away.
func ran(config map[string]string) bool { return config["volatile.last_state.power"] != "" }

// sharedDisk names a writable disk that is not the instance's own: a restore
// does not reach what was written there.
func sharedDisk(devices map[string]map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		d := devices[name]
		if d["type"] == "disk" && d["path"] != "/" && d["source"] != "" && d["readonly"] != "true" {
			return fmt.Sprintf("its disk %q (%s) outlives the reset", name, d["source"])
		}
	}
	return ""
}

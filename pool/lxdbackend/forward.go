package lxdbackend

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Forwarder = (*Backend)(nil)

// forwardPrefix begins the names of the devices that forward ports.
const forwardPrefix = "lxd-pool-forward-"

func forwardDevice(f pool.Forward) string { return fmt.Sprint(forwardPrefix, f.Port) }

// Forward gives the instance a proxy device for each port, all in one write, of
// which LXD does the whole or nothing. They are in the instance's own devices,
// so that they outlast a stop, and a reset goes back to before them.
func (b *Backend) Forward(ctx context.Context, o pool.Order, forwards []pool.Forward) error {
	what := "cannot forward " + forwards[0].Listen
	in, err := b.look(ctx, o)
	switch {
	case err != nil:
		return fail(blame(err), what, err)
	case in.Type != string(api.InstanceTypeContainer):
		return pool.Errorf(pool.ErrUnsupported, "reach it by its own address", "%s: instance %s is a virtual machine", what, o.Instance)
	}
	devices := map[string]map[string]string{}
	for _, f := range forwards {
		devices[forwardDevice(f)] = map[string]string{
			"type": "proxy", "bind": "host", "listen": "tcp:" + f.Listen, "connect": fmt.Sprintf("tcp:127.0.0.1:%d", f.Port),
		}
	}
	change := map[string]any{"devices": devices}
	err = b.change(ctx, http.MethodPatch, at(o, ""), change)
	if err != nil && strings.Contains(err.Error(), "Failed to receive fd") {
		// Now and then LXD 5.0 says this in place of the cause, which it says when asked again.
		err = b.change(ctx, http.MethodPatch, at(o, ""), change)
	}
	return notForwarded(forwards, err)
}

// refusals are LXD's words about a port that cannot be forwarded. why stands in
// their place, if it is not "".
var refusals = []struct {
	said      string
	kind      error
	why, next string
}{
	{"address already in use", pool.ErrInUse, "something has this port already", "choose another port"},
	{"cannot assign requested address", pool.ErrInvalid, "the host of LXD has no such address", "name an address of that host"},
	{"forbidden", pool.ErrRejected, "", `allow it with "lxc project set PROJECT restricted.devices.proxy allow"`},
}

// notForwarded says which port LXD could not forward, and what to do about it.
func notForwarded(forwards []pool.Forward, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	first := slices.IndexFunc(forwards, func(f pool.Forward) bool { return strings.Contains(text, `"`+forwardDevice(f)+`"`) })
	what := "cannot forward " + forwards[max(0, first)].Listen
	for _, r := range refusals {
		switch {
		case away(err) || !strings.Contains(text, r.said):
		case r.why != "":
			return pool.Errorf(r.kind, r.next, "%s: %s", what, r.why)
		default:
			return pool.Errorf(r.kind, r.next, "%s: %w", what, err)
		}
	}
	return fail(blame(err), what, err)
}

// forwarded are the devices of an instance that forward ports.
func forwarded(in *api.Instance) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(in.Devices)), func(name string) bool {
		return !strings.HasPrefix(name, forwardPrefix) || in.Devices[name]["type"] != "proxy"
	})
}

// withoutForwards are the devices for a copy of the instance. LXD takes those that
// are left out from the source, so that what forwards a port is replaced by nothing.
func withoutForwards(in *api.Instance) map[string]map[string]string {
	devices := maps.Clone(in.Devices)
	for _, name := range forwarded(in) {
		devices[name] = map[string]string{"type": "none"}
	}
	return devices
}

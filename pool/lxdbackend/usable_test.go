package lxdbackend_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestAStartThatDoesNotBecomeUsableSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := alone(t)
	for _, c := range []struct {
		name  string
		keys  []string
		parts []string // of the error
	}{
		{"probe", []string{"ready-timeout=2s", "probe=echo the cellar is flooded; exit 4"}, []string{"probe", "within 2s", "the cellar is flooded", "status 4"}},
		{"probe that hangs", []string{"ready-timeout=2s", "probe=sleep 3333"}, []string{"did not end within 2s"}},
		{"no DHCP", []string{"ready-timeout=3s", "device.eth0=type=nic,nictype=p2p"}, []string{"no global address", "DHCP"}},
		{"broken config", []string{"config.raw.lxc=lxc.mount.entry = /no/such/dir mnt none bind,create=dir 0 0"},
			[]string{"cannot start", "log", "ERROR"}},
	} {
		o := r.order(busybox, c.keys...)
		_, err := r.b.Create(t.Context(), o)
		if err == nil {
			_, err = r.b.Start(t.Context(), o)
		}
		if !errors.Is(err, pool.ErrFailed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, part := range c.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is missing in %q", c.name, part, err)
			}
		}
	}
}

func TestAnInstanceWithoutANetworkCardNeedsNoAddress(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox, "device.root=type=disk,path=/,pool=default", "ready-timeout=10s")
	o.Spec.Profiles = []string{}
	r.create(o)
	if place := r.start(o); len(place.Addresses) != 0 {
		t.Errorf("its place is %+v", place)
	}
}

func TestAStartWaitsForTheProbe(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "probe=[ -e /root/once ] || { touch /root/once; exit 1; }")
	r.create(o)
	r.start(o)
	r.run(o, "test -e /root/once")
	r.must(r.b.Check(t.Context(), o))
	r.run(o, "rm /root/once")
	if err := r.b.Check(t.Context(), o); !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), "its probe failed") {
		t.Errorf("got %v", err)
	}
}

func TestSystemdHasStartedWhenAnInstanceIsUsable(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(debian)
	r.create(o)
	r.start(o)
	if got, _ := r.try(o, "systemctl is-system-running"); got != "running" && got != "degraded" {
		t.Errorf("it is %s", got)
	}
	r.must(r.b.Check(t.Context(), o))
}

func TestAnAddressOfIPv6AloneIsEnough(t *testing.T) {
	t.Parallel()
	r := alone(t)
	lxc := admin(t)
	name := "six" + string(r.manager[:8])
	post := api.NetworksPost{Name: name, Type: "bridge"}
	post.Config = map[string]string{"ipv4.address": "none", "ipv6.address": "fd42:1d01::1/64", "ipv6.nat": "false"}
	lxc.ask(http.MethodPost, "/1.0/networks", post)
	t.Cleanup(func() { lxc.ask(http.MethodDelete, "/1.0/networks/"+name, nil) })
	o := r.order(busybox, "device.eth0=type=nic,network="+name, "ready-timeout=30s")
	t.Cleanup(func() { // before the network
		for _, err := range sweep(r.b, r.manager) {
			t.Error(err)
		}
	})
	r.create(o)
	place := r.start(o)
	if len(place.Addresses) == 0 || place.Addresses[0].Family != "inet6" || !strings.HasPrefix(place.Addresses[0].Address, "fd42:1d01:") {
		t.Errorf("its place is %+v", place)
	}
}

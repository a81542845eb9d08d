package charm

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// defaults are the options as Juju gives them when nothing was set.
func defaults() options {
	return options{"channel": "latest/stable", "lxd-channel": "5.21/stable", "lxd-storage-driver": "btrfs", "lxd-bridge-address": "auto",
		"port": json.Number("8743"), "metrics-port": json.Number("9418"), "expose": "proxy", "ssh-ports": "20000-20999",
		"max-leases-per-relation": json.Number("0"), "log-level": "info", "image": "ubuntu:24.04", "size": json.Number("1"), "max-ttl": "30d"}
}

// Each line is the status of a unit whose operator has to act.
func TestAWrongOptionIsToldWithItsRemedy(t *testing.T) {
	for option, c := range map[string]struct {
		value any
		want  string
	}{
		"size":                    {json.Number("-1"), `cannot use size=-1: it must not be negative: juju config lxd-pool size=VALUE`},
		"type":                    {"vm", `cannot use type="vm": use container or virtual-machine: juju config lxd-pool type=VALUE`},
		"ttl":                     {"soon", `write it like "90s", "30m", "8h" or "2d": juju config lxd-pool ttl=VALUE`},
		"port":                    {json.Number("0"), "cannot use port=0: it must be from 1 to 65535: juju config lxd-pool port=VALUE"},
		"expose":                  {"all", "cannot use expose=all: use api, direct or proxy"},
		"ssh-ports":               {"8000-9000", "cannot use ssh-ports=8000-9000: port=8743 is among them"},
		"max-leases-per-relation": {json.Number("-2"), "cannot use max-leases-per-relation=-2"},
		"lxd-storage-driver":      {"ext4", "cannot use lxd-storage-driver=ext4: use btrfs, zfs, lvm, dir"},
		"lxd-bridge-address":      {"here", "cannot use lxd-bridge-address=here: write it like 10.77.0.1/24, or auto"},
		"lxd-address":             {"https://lxd:8443", "cannot use lxd-address=https://lxd:8443: it needs lxd-credentials"},
		"log-level":               {"loud", `cannot use log-level="loud"`},
		"pools":                   {"web: {sise: 3}", "cannot use pools: pool web: a spec has no key \"sise\": juju config lxd-pool pools=VALUE"},
		"config":                  {"3", "cannot use config: it is no YAML map"},
	} {
		o := defaults()
		o[option] = c.value
		_, err := o.config()
		if err == nil {
			t.Errorf("%s=%v was taken", option, c.value)
			continue
		}
		blocked, ok := errors.AsType[*Blocked](blockedBy(err, "lxd-pool"))
		if !ok || !strings.Contains(blocked.Error(), c.want) || strings.Contains(blocked.Error(), "\n") || !strings.Contains(blocked.Error(), "juju config lxd-pool "+option+"=VALUE") {
			t.Errorf("%s=%v: %v, want %q", option, c.value, err, c.want)
		}
	}
	if _, err := defaults().config(); err != nil {
		t.Error(err)
	}
}

func TestPortsOfThisMachineDoNotLeadToAnLXDElsewhere(t *testing.T) {
	o := defaults()
	o["lxd-address"], o["lxd-credentials"] = "https://lxd:8443", "secret:x"
	if _, err := o.config(); err == nil || !strings.Contains(err.Error(), "cannot use expose=proxy") {
		t.Errorf("got %v", err)
	}
	o["expose"] = "direct"
	if _, err := o.config(); err != nil {
		t.Error(err)
	}
}

func TestOptionsMakeTheConfigurationOfTheDaemon(t *testing.T) {
	o := defaults()
	o["size"], o["profiles"], o["config"] = json.Number("3"), "default,gpu", "{limits.memory: 2GiB}"
	o["devices"], o["pools"] = "{scratch: {type: disk, source: /srv, path: /srv}}", "web: {image: debian/12, size: 2}"
	c, err := o.config()
	if err != nil {
		t.Fatal(err)
	}
	spec := c.daemon.Pools[defaultPool]
	if spec.Size != 3 || len(spec.Profiles) != 2 || spec.Config["limits.memory"] != "2GiB" || spec.Devices["scratch"]["path"] != "/srv" || c.daemon.Pools["web"].Size != 2 {
		t.Errorf("got %+v", c.daemon)
	}
}

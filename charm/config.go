package charm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

// config is what "juju config" says, checked.
type config struct {
	setup Setup
	// daemon is what the daemon is to do, without what depends on the unit.
	daemon api.Configuration
	serving
	// credentials is the id of a Juju secret for an LXD at another address.
	credentials string
}

// serving is how leases are served. While the options are wrong, it is as it was
// when they were right.
type serving struct {
	Port int `json:"port"`
	// MetricsPort is where figures are shown on the machine itself.
	MetricsPort int       `json:"metrics_port"`
	Expose      expose    `json:"expose"`
	SSHPorts    portRange `json:"ssh_ports"`
	// PerRelation is how many leases a relation may have; 0: any number.
	PerRelation int `json:"per_relation"`
	// Authority is what to trust of this unit's certificate, in PEM.
	Authority string `json:"authority"`
}

// expose is how holders with an ssh key reach their instances.
type expose string

const (
	exposeAPI    expose = "api"
	exposeDirect expose = "direct"
	exposeProxy  expose = "proxy"
)

// portRange is a range of ports, both ends included.
type portRange struct {
	First int `json:"first"`
	Last  int `json:"last"`
}

// String is what Juju calls it.
func (r portRange) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("%d/tcp", r.First)
	}
	return fmt.Sprintf("%d-%d/tcp", r.First, r.Last)
}

// defaultPool is the pool that has options of its own.
const defaultPool pool.PoolName = "default"

// options are the options of the charm. Those that are neither set nor have a
// default are absent.
type options map[string]any

// text is an option as text, "" when it is absent.
func (o options) text(name string) string {
	switch v := o[name].(type) {
	case nil:
		return ""
	case json.Number:
		return v.String()
	default:
		return strings.TrimSpace(fmt.Sprint(v))
	}
}

func (o options) number(name string) (int, error) {
	n, err := strconv.Atoi(o.text(name))
	if err != nil && o.text(name) != "" {
		return 0, o.wrong(name, "it must be a whole number")
	}
	return n, nil
}

// wrong says that an option cannot be what it is, and why.
func (o options) wrong(name, why string) error {
	return pool.Invalidf("", "cannot use %s=%s: %s", name, o.text(name), why)
}

// config checks the options. The error is about the first that cannot be, and
// names it.
func (o options) config() (*config, error) {
	c := &config{
		setup: Setup{Channel: o.text("channel"), LXD: LXDSetup{
			Channel: o.text("lxd-channel"), StorageDriver: o.text("lxd-storage-driver"), StorageSize: o.text("lxd-storage-size"),
			StorageSource: o.text("lxd-storage-source"), BridgeAddress: o.text("lxd-bridge-address"), Remote: o.text("lxd-address"),
		}},
		daemon:      api.Configuration{LogLevel: o.text("log-level"), LXD: api.ConfiguredLXD{Address: o.text("lxd-address")}},
		credentials: o.text("lxd-credentials"),
	}
	for _, part := range []func(*config) error{o.network, o.limits, o.lxd, o.pools} {
		if err := part(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (o options) network(c *config) (err error) {
	for name, port := range map[string]*int{"port": &c.Port, "metrics-port": &c.MetricsPort} {
		if _, there := o[name]; !there && name == "metrics-port" {
			continue // on Kubernetes there is no agent on the machine to show figures to
		}
		if *port, err = o.number(name); err != nil {
			return err
		}
		if *port < 1 || *port > 65535 {
			return o.wrong(name, "it must be from 1 to 65535")
		}
	}
	c.Expose = expose(o.text("expose"))
	if c.Expose != exposeAPI && c.Expose != exposeDirect && c.Expose != exposeProxy {
		return o.wrong("expose", "use api, direct or proxy")
	}
	if _, there := o["ssh-ports"]; !there { // on Kubernetes a unit is at no address of LXD's hosts
		if c.Expose == exposeProxy {
			return o.wrong("expose", "use api or direct")
		}
		return nil
	}
	first, last, _ := strings.Cut(o.text("ssh-ports"), "-")
	c.SSHPorts.First, err = strconv.Atoi(first)
	if err == nil {
		c.SSHPorts.Last, err = strconv.Atoi(last)
	}
	if err != nil || c.SSHPorts.First < 1 || c.SSHPorts.Last > 65535 || c.SSHPorts.Last < c.SSHPorts.First {
		return o.wrong("ssh-ports", "write it like 20000-20999")
	}
	if c.SSHPorts.First <= c.Port && c.Port <= c.SSHPorts.Last {
		return o.wrong("ssh-ports", fmt.Sprintf("port=%d is among them", c.Port))
	}
	return nil
}

func (o options) limits(c *config) (err error) {
	c.PerRelation, err = o.number("max-leases-per-relation")
	if err == nil && c.PerRelation < 0 {
		err = o.wrong("max-leases-per-relation", "it must not be negative")
	}
	return err
}

var drivers = []string{"btrfs", "zfs", "lvm", "dir"}

func (o options) lxd(c *config) error {
	l := c.setup.LXD
	if l.StorageDriver != "" && !slices.Contains(drivers, l.StorageDriver) {
		return o.wrong("lxd-storage-driver", "use "+strings.Join(drivers, ", "))
	}
	if _, _, err := net.ParseCIDR(l.BridgeAddress); l.BridgeAddress != "" && l.BridgeAddress != "auto" && err != nil {
		return o.wrong("lxd-bridge-address", "write it like 10.77.0.1/24, or auto")
	}
	if c.daemon.LXD.Address != "" && c.credentials == "" {
		return o.wrong("lxd-address", "it needs lxd-credentials: a secret with client-cert and client-key")
	}
	if c.daemon.LXD.Address != "" && c.Expose == exposeProxy {
		return o.wrong("expose", "its ports would be those of the host of the LXD at lxd-address; use api or direct")
	}
	if _, err := c.daemon.Level(); err != nil {
		return err
	}
	return nil
}

// pools reads the default pool from options of its own, and the others.
func (o options) pools(c *config) error {
	others, err := specyaml.Pools([]byte(o.text("pools")))
	if err != nil {
		return pool.Invalidf("", "cannot use pools: %w", err)
	}
	if _, ok := others[defaultPool]; ok {
		return pool.Invalidf("", "cannot use pools: the pool default has options of its own")
	}
	spec, err := o.defaultSpec()
	if err != nil {
		return err
	}
	others[defaultPool] = spec
	c.daemon.Pools = others
	known := c.daemon
	known.LXD = api.ConfiguredLXD{} // whose files are not there yet; the daemon checks it with them
	return known.Validate()
}

func (o options) defaultSpec() (spec pool.Spec, err error) {
	for _, k := range pool.SpecKeys {
		if err := spec.Set(k.Name, o.text(k.Name)); err != nil {
			return spec, err
		}
	}
	err = errors.Join(o.yaml("config", &spec.Config), o.yaml("devices", &spec.Devices))
	full := spec.WithDefaults()
	if err == nil {
		err = full.Validate()
	}
	return spec, err
}

// yaml reads an option that is a map.
func (o options) yaml(name string, into any) error {
	if err := yaml.Unmarshal([]byte(o.text(name)), into); err != nil {
		return pool.Invalidf("", "cannot use %s: it is no YAML map: %s", name, strings.Join(strings.Fields(err.Error()), " "))
	}
	return nil
}

package main

import (
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Keys of the configuration that are not texts themselves.
const (
	poolsKey  = "pools"
	configKey = "config"
	deviceKey = "device"
)

// defaultPool is the pool that the keys at the top are about.
const defaultPool pool.PoolName = "default"

// defaultSpec is what the default pool has that nothing was set for. It is
// small, so that an install takes little.
var defaultSpec = pool.Spec{Image: "ubuntu:24.04", Size: 1}

// furtherSpec is the same for a further pool.
var furtherSpec = pool.Spec{Image: defaultSpec.Image}

// key is one key that can be set with "snap set".
type key struct {
	name, value, def, help string
	// set is nil for the keys of a pool, which [pool.Spec.Set] reads.
	set func(*api.Configuration) *string
}

// poolKeys are those of one pool, at the top for the default pool and below
// pools.NAME for others.
func poolKeys() []key {
	var list []key
	for _, k := range pool.SpecKeys {
		list = append(list, key{name: k.Name, value: k.Value, def: k.Default, help: k.Help})
	}
	return append(list,
		key{name: configKey + ".KEY", value: "VALUE", help: "LXD's own configuration of the instances"},
		key{name: deviceKey + ".NAME", value: "type=T,K=V,...", help: "a device that LXD gives the instances"})
}

// daemonKeys are those of the daemon.
var daemonKeys = []key{
	{"listen", "[HOST]:PORT,...", "", "where to listen on the network, with TLS; needs a restart, which is done",
		func(c *api.Configuration) *string { return &c.Listen }},
	{"tls-cert", "FILE", "", "PEM file of the certificate to show there; needs a restart, which is done",
		func(c *api.Configuration) *string { return &c.TLSCert }},
	{"tls-key", "FILE", "", "PEM file of the key of that certificate",
		func(c *api.Configuration) *string { return &c.TLSKey }},
	{"metrics", "HOST:PORT", "", "where to show /metrics to everybody on this machine, such as 127.0.0.1:9418; needs a restart, which is done",
		func(c *api.Configuration) *string { return &c.Metrics }},
	{"group", "GROUP", "lxd", "group whose members operate the daemon, as root does",
		func(c *api.Configuration) *string { return &c.Group }},
	{"consumers", "GROUP", "", "group whose members may acquire, and see what is theirs",
		func(c *api.Configuration) *string { return &c.Consumers }},
	{"log-level", "debug|info|warn|error", "info", "least that is logged",
		func(c *api.Configuration) *string { return &c.LogLevel }},
	{"lxd.address", "https://HOST:PORT", "the LXD snap of this machine", "LXD that runs the instances",
		func(c *api.Configuration) *string { return &c.LXD.Address }},
	{"lxd.client-cert", "FILE", "", "PEM file of the certificate to show to an LXD at https://",
		func(c *api.Configuration) *string { return &c.LXD.ClientCert }},
	{"lxd.client-key", "FILE", "", "PEM file of the key of that certificate",
		func(c *api.Configuration) *string { return &c.LXD.ClientKey }},
	{"lxd.server-cert", "FILE", "", "PEM file of the certificate that this LXD must show",
		func(c *api.Configuration) *string { return &c.LXD.ServerCert }},
}

// atTop is the default of a key at the top, below that of one in pools.NAME.
func (k key) atTop() string { return k.defaultIn(&defaultSpec) }
func (k key) below() string { return k.defaultIn(&furtherSpec) }

func (k key) defaultIn(s *pool.Spec) string {
	if k.set == nil {
		if text := s.Get(k.name); text != new(pool.Spec).Get(k.name) {
			return text
		}
	}
	return k.def
}

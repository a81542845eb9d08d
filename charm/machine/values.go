package machine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// values is a configuration as the snap is set to it: the keys of the default
// pool at the top, those of others below their names.
func values(c *api.Configuration) map[string]any {
	all := map[string]any{}
	for key, value := range map[string]string{
		"listen": c.Listen, "tls-cert": c.TLSCert, "tls-key": c.TLSKey, "metrics": c.Metrics,
		"group": c.Group, "consumers": c.Consumers, "log-level": c.LogLevel,
		"lxd.address": c.LXD.Address, "lxd.client-cert": c.LXD.ClientCert, "lxd.client-key": c.LXD.ClientKey, "lxd.server-cert": c.LXD.ServerCert,
	} {
		if value != "" {
			put(all, value, strings.Split(key, ".")...)
		}
	}
	for name, spec := range c.Pools {
		if name == pool.SnapPool {
			maps.Copy(all, specValues(spec))
		} else {
			put(all, specValues(spec), "pools", string(name))
		}
	}
	return all
}

// specValues are the keys of one pool. What is not set is left to the snap, but
// for the size, which it has a default of its own for.
func specValues(spec pool.Spec) map[string]any {
	all, unset := map[string]any{}, pool.Spec{}
	for _, k := range pool.SpecKeys {
		if text := spec.Get(k.Name); text != unset.Get(k.Name) || k.Name == "size" {
			all[k.Name] = text
		}
	}
	for key, value := range spec.Config {
		put(all, value, append([]string{"config"}, strings.Split(key, ".")...)...)
	}
	for name, device := range spec.Devices {
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(device)) {
			parts = append(parts, fmt.Sprintf("%s=%s", key, device[key]))
		}
		put(all, strings.Join(parts, ","), "device", name)
	}
	return all
}

// put sets a value in a tree.
func put(tree map[string]any, value any, path ...string) {
	for _, name := range path[:len(path)-1] {
		below, ok := tree[name].(map[string]any)
		if !ok {
			below = map[string]any{}
			tree[name] = below
		}
		tree = below
	}
	tree[path[len(path)-1]] = value
}

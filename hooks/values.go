package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// tree is what snapd has of the configuration: texts, numbers, words and
// further trees, by the parts of the keys between the dots.
type tree map[string]any

// values reads the whole configuration, with what is being set now.
func (s *snap) values(ctx context.Context) (tree, error) {
	// The last key is that of the root, without which a key that is not known
	// could not be seen: snapd gives no list of keys.
	args := append(append([]string{"get", "-d"}, topKeys()...), "")
	out, err := s.snapctl(ctx, args...)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	var all tree
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("cannot understand what snapctl says of the configuration: %w", err)
	}
	if root, ok := all[""].(map[string]any); ok {
		return root, nil
	}
	delete(all, "")
	return all, nil
}

// topKeys are the parts of all keys before the first dot.
func topKeys() []string {
	names := map[string]bool{poolsKey: true}
	for _, k := range append(poolKeys(), daemonKeys...) {
		top, _, _ := strings.Cut(k.name, ".")
		names[top] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// parse makes the daemon's configuration of what was set. The error names key
// and value, and says what is allowed.
func parse(all tree) (*api.Configuration, error) {
	c := &api.Configuration{}
	rest := tree{}
	for name, value := range all {
		rest[name] = value
	}
	for _, k := range daemonKeys {
		value, ok := rest.take(k.name)
		if !ok {
			continue
		}
		text, err := textOf(k.name, value)
		if err != nil {
			return nil, err
		}
		*k.set(c) = text
	}
	pools := rest[poolsKey]
	delete(rest, poolsKey)
	spec, err := parsePool(defaultPool, "", defaultSpec, rest)
	if err != nil {
		return nil, err
	}
	c.Pools = map[pool.PoolName]pool.Spec{defaultPool: spec}
	if err := parsePools(c, pools); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// take removes a key and returns its value.
func (t tree) take(name string) (any, bool) {
	top, rest, deep := strings.Cut(name, ".")
	value, ok := t[top]
	if !ok {
		return nil, false
	}
	if !deep {
		delete(t, top)
		return value, value != nil
	}
	below, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	copied := maps.Clone(below)
	inner, ok := tree(copied).take(rest)
	if t[top] = copied; len(copied) == 0 {
		delete(t, top)
	}
	return inner, ok
}

func parsePools(c *api.Configuration, value any) error {
	if value == nil {
		return nil
	}
	pools, ok := value.(map[string]any)
	if !ok {
		return pool.Invalidf("set the keys of a pool, such as pools.ci.size=3", "cannot use %s=%s: it is not a pool with keys", poolsKey, shown(value))
	}
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		prefix := poolsKey + "." + name + "."
		keys, ok := pools[name].(map[string]any)
		switch {
		case pools[name] == nil:
			continue // it is being unset
		case !ok:
			return pool.Invalidf(fmt.Sprintf("set its keys, such as %ssize=3", prefix), "cannot use %s.%s=%s: a pool has keys", poolsKey, name, shown(pools[name]))
		case pool.PoolName(name) == defaultPool:
			return pool.Invalidf(`set its keys at the top, such as "snap set lxd-pool size=3"`, "cannot use %s%s: the pool default has its keys at the top", prefix, firstKey(keys))
		}
		if err := pool.PoolName(name).Validate(); err != nil {
			return err
		}
		spec, err := parsePool(pool.PoolName(name), prefix, furtherSpec, keys)
		if err != nil {
			return err
		}
		c.Pools[pool.PoolName(name)] = spec
	}
	return nil
}

func firstKey(keys tree) string { return cmp.Or(append(slices.Sorted(maps.Keys(keys)), "KEY")[0]) }

// parsePool reads the keys of one pool onto spec. prefix is what stands before
// them.
func parsePool(name pool.PoolName, prefix string, spec pool.Spec, keys tree) (pool.Spec, error) {
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if keys[k] == nil {
			continue
		}
		if err := setKey(&spec, prefix, k, keys[k]); err != nil {
			return spec, err
		}
	}
	full := spec.WithDefaults()
	if err := full.Validate(); err != nil {
		return spec, inPool(name, prefix, err)
	}
	return spec, nil
}

// setKey sets one key of a pool. LXD's own have further dots in them, which
// snapd takes for trees.
func setKey(spec *pool.Spec, prefix, name string, value any) error {
	below, deep := value.(map[string]any)
	lxd := name == configKey || name == deviceKey
	switch {
	case !isPoolKey(name):
		return unknownKey(prefix, name, value)
	case lxd && deep:
		for _, k := range slices.Sorted(maps.Keys(below)) {
			if err := setBelow(spec, prefix, name+"."+k, below[k]); err != nil {
				return err
			}
		}
		return nil
	case lxd:
		return pool.Invalidf(fmt.Sprintf("set %s%s.limits.memory=2GiB, for example", prefix, name), "cannot use %s%s=%s: it has keys of its own", prefix, name, shown(value))
	}
	return setText(spec, prefix, name, value)
}

// setBelow sets what is below "config" or "device", whose own keys have dots.
func setBelow(spec *pool.Spec, prefix, name string, value any) error {
	below, deep := value.(map[string]any)
	if !deep {
		return setText(spec, prefix, name, value)
	}
	for _, k := range slices.Sorted(maps.Keys(below)) {
		if err := setBelow(spec, prefix, name+"."+k, below[k]); err != nil {
			return err
		}
	}
	return nil
}

func setText(spec *pool.Spec, prefix, name string, value any) error {
	if value == nil {
		return nil
	}
	text, err := textOf(prefix+name, value)
	if err != nil {
		return err
	}
	if err := spec.Set(name, text); err != nil {
		return renamed(prefix, name, err)
	}
	return nil
}

func isPoolKey(name string) bool {
	return name == configKey || name == deviceKey ||
		slices.ContainsFunc(pool.SpecKeys, func(k pool.SpecKey) bool { return k.Name == name })
}

// unknownKey names the keys that there are.
func unknownKey(prefix, name string, value any) error {
	var names []string
	for _, k := range poolKeys() {
		names = append(names, prefix+k.name)
	}
	if prefix == "" {
		for _, k := range daemonKeys {
			names = append(names, k.name)
		}
		names = append(names, poolsKey+".NAME.KEY")
	}
	return pool.Invalidf("the keys are "+strings.Join(names, ", "), "cannot set %s%s=%s: there is no such key", prefix, name, shown(value))
}

// renamed is an error about a key of a pool, with the key as it was typed.
func renamed(prefix, name string, err error) error {
	if prefix == "" {
		return err
	}
	known := pool.Errorf(pool.ErrInvalid, "", "%w", err)
	known.Text = strings.Replace(known.Text, " "+name+"=", " "+prefix+name+"=", 1)
	return known
}

// inPool says which pool an error about a whole spec is of.
func inPool(name pool.PoolName, prefix string, err error) error {
	for _, k := range pool.SpecKeys {
		if strings.Contains(err.Error(), "cannot use "+k.Name+"=") {
			return renamed(prefix, k.Name, err)
		}
	}
	return pool.Errorf(pool.ErrInvalid, "", "cannot use pool %s: %w", name, err)
}

// textOf is a value as [pool.Spec.Set] reads it: snapd makes a number of 10 and
// a word of true, as JSON does.
func textOf(name string, value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	case []any:
		var parts []string
		for _, each := range v {
			text, err := textOf(name, each)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	}
	return "", pool.Invalidf("give one value", "cannot use %s=%s: it has no keys below it", name, shown(value))
}

// shown is a value as it is told.
func shown(value any) string {
	if text, ok := value.(string); ok {
		return fmt.Sprintf("%q", text)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

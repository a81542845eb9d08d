package pool

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// SpecKey is one key of a spec as people set it: on the command line, in
// "set", in a snap's or a charm's configuration. The table [SpecKeys] is the
// only list of them.
type SpecKey struct {
	Name string
	// Value names what is expected, such as "N", "DURATION" or "a|b".
	Value string
	// Default is said in help; it is what an empty value means.
	Default string
	Help    string
	get     func(*Spec) string
	set     func(*Spec, string) error
}

// SpecKeys is every key of a spec with one value, in the order of help. Config
// and devices are set as "config.KEY" and "device.NAME" (see [Spec.Set]).
var SpecKeys = []SpecKey{
	textKey("image", "IMAGE", "", "image to make instances from: a local alias or fingerprint, or REMOTE:IMAGE", func(s *Spec) *string { return &s.Image }),
	numberKey("size", "N", "0", "ready instances to keep, on top of the leased ones", func(s *Spec) *int { return &s.Size }),
	numberKey("spares", "N", "0", "stopped instances to keep on the shelf", func(s *Spec) *int { return &s.Spares }),
	numberKey("max", "N", "twice size and spares, at least 4", "most instances that may exist at all", func(s *Spec) *int { return &s.Max }),
	textKey("type", "container|virtual-machine", "container", "kind of instance", func(s *Spec) *Type { return &s.Type }),
	textKey("standby", "running|frozen", "running", "how ready instances wait", func(s *Spec) *Standby { return &s.Standby }),
	textKey("recycle", "replace|reset", "replace", "what release does to the instance", func(s *Spec) *Recycle { return &s.Recycle }),
	profilesKey("profiles", "P,...", "default", "LXD profiles, in order; none: no profile at all", func(s *Spec) *[]string { return &s.Profiles }),
	textKey("project", "PROJECT", "default", "LXD project", func(s *Spec) *string { return &s.Project }),
	textKey("target", "MEMBER|@GROUP", "LXD's choice", "cluster member or group", func(s *Spec) *string { return &s.Target }),
	textKey("setup", "SCRIPT", "", "script run once in the template, or user-data for cloud-init", func(s *Spec) *string { return &s.Setup }),
	textKey("probe", "COMMAND", "systemd has started, if there is one", "shell command that succeeds in a usable instance", func(s *Spec) *string { return &s.Probe }),
	durationKey("ready-timeout", "2m", "how long a start may take until the instance is usable", func(s *Spec) *Duration { return &s.ReadyTimeout }),
	durationKey("ttl", "1h", "how long a lease lasts when its holder does not say", func(s *Spec) *Duration { return &s.TTL }),
	durationKey("max-ttl", "24h", "how long a lease can last with renewals", func(s *Spec) *Duration { return &s.MaxTTL }),
	durationKey("max-age", "never", "age at which an idle instance is replaced", func(s *Spec) *Duration { return &s.MaxAge }),
	numberKey("max-uses", "N", "no limit", "leases after which an instance is replaced", func(s *Spec) *int { return &s.MaxUses }),
	numberKey("max-holds", "N", "3", "instances that may be held for a look at once", func(s *Spec) *int { return &s.MaxHolds }),
	textKey("publish", "operators|holders", "operators", "who may make images from leased instances", func(s *Spec) *Publishers { return &s.Publish }),
	numberKey("max-snapshots", "N", "10", "snapshots that a holder may have of an instance", func(s *Spec) *int { return &s.MaxSnapshots }),
}

// Set changes one key of s from text: a key of [SpecKeys], "config.KEY", or
// "device.NAME" with a value such as "type=disk,source=/srv,path=/srv". An
// empty value means the default, or removes the config key or device. It
// checks the form of the value only; [Spec.Validate] checks the whole.
func (s *Spec) Set(key, value string) error {
	if done, err := setLXD(&s.Config, &s.Devices, key, value); done || err != nil {
		return err
	}
	for i := range SpecKeys {
		if SpecKeys[i].Name == key {
			return SpecKeys[i].set(s, value)
		}
	}
	return Invalidf("the keys are "+strings.Join(specKeyNames(), ", ")+", config.KEY and device.NAME",
		"cannot set %q: a pool has no such key", key)
}

// setLXD sets what is LXD's own, and reports whether the key is that of such.
func setLXD(config *map[string]string, devices *map[string]map[string]string, key, value string) (bool, error) {
	if name, ok := strings.CutPrefix(key, "config."); ok && name != "" {
		*config = withEntry(*config, name, value, value == "")
		return true, nil
	}
	name, ok := strings.CutPrefix(key, "device.")
	if !ok || name == "" {
		return false, nil
	}
	device, err := parseDevice(name, value)
	if err != nil {
		return true, err
	}
	*devices = withEntry(*devices, name, device, value == "")
	return true, nil
}

// Get returns the text of one key of [SpecKeys], as Set reads it.
func (s *Spec) Get(key string) string {
	for i := range SpecKeys {
		if SpecKeys[i].Name == key {
			return SpecKeys[i].get(s)
		}
	}
	return ""
}

func specKeyNames() []string {
	names := make([]string, len(SpecKeys))
	for i := range SpecKeys {
		names[i] = SpecKeys[i].Name
	}
	return names
}

// withEntry returns a changed copy of m: specs share their maps.
func withEntry[V any](m map[string]V, key string, value V, remove bool) map[string]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]V{}
	}
	if remove {
		delete(m, key)
	} else {
		m[key] = value
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

func parseDevice(name, value string) (map[string]string, error) {
	device := map[string]string{}
	if value == "" {
		return device, nil
	}
	for part := range strings.SplitSeq(value, ",") {
		k, v, ok := strings.Cut(part, "=")
		if !ok || k == "" {
			return nil, Invalidf("write it like type=disk,source=/srv,path=/srv",
				"cannot read device %q: %q is not KEY=VALUE", name, part)
		}
		device[k] = v
	}
	return device, nil
}

func textKey[T ~string](name, value, def, help string, field func(*Spec) *T) SpecKey {
	return SpecKey{name, value, def, help,
		func(s *Spec) string { return string(*field(s)) },
		func(s *Spec, text string) error { *field(s) = T(text); return nil }}
}

func numberKey(name, value, def, help string, field func(*Spec) *int) SpecKey {
	return SpecKey{name, value, def, help,
		func(s *Spec) string { return strconv.Itoa(*field(s)) },
		func(s *Spec, text string) error {
			if text == "" {
				*field(s) = 0
				return nil
			}
			n, err := strconv.Atoi(text)
			if err != nil {
				return Invalidf("", "cannot use %s=%q: it must be a whole number", name, text)
			}
			*field(s) = n
			return nil
		}}
}

func durationKey(name, def, help string, field func(*Spec) *Duration) SpecKey {
	return SpecKey{name, "DURATION", def, help,
		func(s *Spec) string {
			if *field(s) == 0 {
				return ""
			}
			return field(s).String()
		},
		func(s *Spec, text string) error {
			if text == "" {
				*field(s) = 0
				return nil
			}
			d, err := ParseDuration(text)
			if err != nil {
				return Invalidf(`write it like "90s", "30m", "8h" or "2d"`, "cannot use %s=%q: it is not a length of time", name, text)
			}
			*field(s) = d
			return nil
		}}
}

// NoProfiles is what the key "profiles" is set to for no profile at all.
const NoProfiles = "none"

func profilesKey(name, value, def, help string, field func(*Spec) *[]string) SpecKey {
	return SpecKey{name, value, def, help,
		func(s *Spec) string {
			if list := *field(s); list != nil && len(list) == 0 {
				return NoProfiles
			}
			return strings.Join(*field(s), ",")
		},
		func(s *Spec, text string) error {
			switch text {
			case "":
				*field(s) = nil
			case NoProfiles:
				*field(s) = []string{}
			default:
				*field(s) = slices.Collect(strings.SplitSeq(text, ","))
			}
			return nil
		}}
}

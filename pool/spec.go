package pool

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Spec is what the owner asks of a pool. The zero value of every field but
// Image is meaningful; [Spec.WithDefaults] fills it in. A spec is not changed
// after it was given to a pool.
type Spec struct {
	// Image is a local alias or fingerprint, or REMOTE:IMAGE.
	Image string `json:"image"`
	// Type is "container" (default) or "virtual-machine".
	Type Type `json:"type,omitempty"`
	// Size is how many ready instances to keep on top of the leased ones.
	Size int `json:"size"`
	// Spares is how many stopped ones to keep on the shelf.
	Spares int `json:"spares,omitempty"`
	// Max is how many instances may exist at all, also while they come or go.
	// 0: twice Size and Spares together, at least 4.
	Max int `json:"max,omitempty"`
	// Standby is how ready ones wait.
	Standby Standby `json:"standby,omitempty"`
	// Recycle is what release does.
	Recycle Recycle `json:"recycle,omitempty"`
	// Profiles are applied in order. nil: the profile "default". Empty: none.
	Profiles []string `json:"profiles,omitzero"`
	// Config and Devices are LXD's own.
	Config  map[string]string            `json:"config,omitempty"`
	Devices map[string]map[string]string `json:"devices,omitempty"`
	// Project is the LXD project, "" for "default".
	Project string `json:"project,omitempty"`
	// Target is a cluster member or @group, "" for LXD's choice.
	Target string `json:"target,omitempty"`
	// Setup is a script run once, as root, in the template; or user-data for
	// cloud-init, when it begins with "#cloud-config".
	Setup string `json:"setup,omitempty"`
	// Probe is a shell command that succeeds in a usable instance.
	// "": systemd has reached running or degraded, if there is one.
	Probe string `json:"probe,omitempty"`
	// ReadyTimeout is how long a start may take until the instance is usable. 0: 2m.
	ReadyTimeout Duration `json:"ready-timeout,omitempty"`
	// TTL is how long a lease lasts when its holder does not say. 0: 1h.
	TTL Duration `json:"ttl,omitempty"`
	// MaxTTL is how long a lease can last with renewals. 0: 24h.
	MaxTTL Duration `json:"max-ttl,omitempty"`
	// MaxAge replaces an idle instance of that age, with 10 % of jitter. 0: never.
	MaxAge Duration `json:"max-age,omitempty"`
	// MaxUses replaces an instance after that many leases. 0: no limit.
	MaxUses int `json:"max-uses,omitempty"`
	// MaxHolds is how many instances may be held for a look at once. 0: 3.
	MaxHolds int `json:"max-holds,omitempty"`
	// Publish is who may make images from leased instances.
	Publish Publishers `json:"publish,omitempty"`
	// MaxSnapshots is how many snapshots a holder may have of an instance. 0: 10.
	MaxSnapshots int `json:"max-snapshots,omitempty"`
}

// Type is the kind of an instance.
type Type string

// The types.
const (
	Container      Type = "container"
	VirtualMachine Type = "virtual-machine"
)

// Standby is how ready instances wait.
type Standby string

// The standby levels. Nothing inside a frozen instance runs; it is woken at grant.
const (
	StandbyRunning Standby = "running"
	StandbyFrozen  Standby = "frozen"
)

// Recycle is what release does.
type Recycle string

// The ways to recycle.
const (
	// Replace deletes the instance and makes a new one.
	Replace Recycle = "replace"
	// ResetToSnapshot puts the instance back to its pristine snapshot.
	ResetToSnapshot Recycle = "reset"
)

// Defaults and bounds of a spec.
const (
	DefaultReadyTimeout = Duration(2 * time.Minute)
	DefaultTTL          = Duration(time.Hour)
	DefaultMaxTTL       = Duration(24 * time.Hour)
	DefaultMaxHolds     = 3
	DefaultMaxSnapshots = 10
	// LimitMax is the largest max that a pool may have.
	LimitMax = 100_000
	// MinTTL is the shortest lease.
	MinTTL = Duration(time.Second)
)

// WithDefaults returns s with what was left out filled in.
func (s Spec) WithDefaults() Spec {
	s.Type = cmp.Or(s.Type, Container)
	s.Standby = cmp.Or(s.Standby, StandbyRunning)
	s.Recycle = cmp.Or(s.Recycle, Replace)
	s.Project = cmp.Or(s.Project, "default")
	s.ReadyTimeout = cmp.Or(s.ReadyTimeout, DefaultReadyTimeout)
	s.MaxTTL = cmp.Or(s.MaxTTL, max(DefaultMaxTTL, s.TTL))
	s.TTL = cmp.Or(s.TTL, min(DefaultTTL, s.MaxTTL))
	s.MaxHolds = cmp.Or(s.MaxHolds, DefaultMaxHolds)
	s.Publish = cmp.Or(s.Publish, PublishOperators)
	s.MaxSnapshots = cmp.Or(s.MaxSnapshots, DefaultMaxSnapshots)
	if s.Max == 0 {
		s.Max = max(4, 2*(s.Size+s.Spares))
	}
	if s.Profiles == nil {
		s.Profiles = []string{"default"}
	}
	return s
}

var (
	configKeyPattern  = regexp.MustCompile(`^[a-zA-Z0-9._/-]{1,200}$`)
	deviceNamePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,63}$`)
)

// Validate reports, as an [ErrInvalid], the first thing in s (defaults filled
// in) that no pool could satisfy. What only LXD can tell is left to [Backend].Vet.
func (s *Spec) Validate() error {
	switch {
	case s.Image == "":
		return Invalidf("name one, such as image=ubuntu:24.04", "cannot make a pool without an image")
	case strings.ContainsAny(s.Image, " \t\n"):
		return Invalidf("", "cannot use %q as an image: it contains white space", s.Image)
	case s.Type != Container && s.Type != VirtualMachine:
		return badChoice("type", s.Type, Container, VirtualMachine)
	case s.Standby != StandbyRunning && s.Standby != StandbyFrozen:
		return badChoice("standby", s.Standby, StandbyRunning, StandbyFrozen)
	case s.Recycle != Replace && s.Recycle != ResetToSnapshot:
		return badChoice("recycle", s.Recycle, Replace, ResetToSnapshot)
	case s.Publish != PublishOperators && s.Publish != PublishHolders:
		return badChoice("publish", s.Publish, PublishOperators, PublishHolders)
	case s.Size < 0:
		return tooSmall("size", s.Size)
	case s.Spares < 0:
		return tooSmall("spares", s.Spares)
	case s.MaxUses < 0:
		return tooSmall("max-uses", s.MaxUses)
	case s.MaxHolds < 0:
		return tooSmall("max-holds", s.MaxHolds)
	case s.MaxSnapshots < 0:
		return tooSmall("max-snapshots", s.MaxSnapshots)
	case s.Max < 1 || s.Max > LimitMax:
		return Invalidf("", "cannot use max=%d: it must be from 1 to %d", s.Max, LimitMax)
	case s.Size+s.Spares > s.Max:
		return Invalidf("raise max or lower size",
			"cannot keep %d ready and %d spare instances in a pool of at most %d", s.Size, s.Spares, s.Max)
	case s.TTL < MinTTL:
		return Invalidf("", "cannot use ttl=%s: a lease lasts at least %s", s.TTL, MinTTL)
	case s.TTL > s.MaxTTL:
		return Invalidf("raise max-ttl or lower ttl", "cannot use ttl=%s: it is above max-ttl=%s", s.TTL, s.MaxTTL)
	case s.ReadyTimeout < Duration(time.Second):
		return Invalidf("", "cannot use ready-timeout=%s: it must be at least 1s", s.ReadyTimeout)
	}
	return s.validateLXD()
}

// validateLXD looks at what will be handed to LXD.
func (s *Spec) validateLXD() error {
	if _, ok := s.Config["boot.autostart"]; ok {
		return Invalidf("leave it out", "cannot set config key %q: lxd-pool itself starts its instances", "boot.autostart")
	}
	for _, profile := range s.Profiles {
		if profile == "" {
			return Invalidf("", "cannot use a profile without a name")
		}
	}
	return validateLXD(s.Config, s.Devices)
}

// validateLXD looks at config and devices as far as LXD need not be asked.
func validateLXD(config map[string]string, devices map[string]map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(config)) {
		switch {
		case !configKeyPattern.MatchString(key):
			return Invalidf("", "cannot set config key %q: it is not a key that LXD would take", key)
		case strings.HasPrefix(key, "volatile."), strings.HasPrefix(key, "user.lxd-pool."):
			return Invalidf("leave it out", "cannot set config key %q: it belongs to LXD or to lxd-pool", key)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if !deviceNamePattern.MatchString(name) {
			return Invalidf("", "cannot use device name %q: it is not a name that LXD would take", name)
		}
		if devices[name]["type"] == "" {
			return Invalidf("add one, such as type=disk", "cannot use device %q: it has no type", name)
		}
	}
	return nil
}

func badChoice[T ~string](key string, value T, choices ...T) error {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	return Invalidf("use "+strings.Join(words, " or "), "cannot use %s=%q", key, string(value))
}

func tooSmall(key string, value int) error {
	return Invalidf("", "cannot use %s=%d: it must not be negative", key, value)
}

// Making returns a hash of the part of s that instances are made by: an
// instance made by another hash is outdated. Sizes and times are not in it.
func (s *Spec) Making() string {
	making := struct {
		Image, Type, Standby, Recycle, Project, Target, Setup string
		Profiles                                              []string
		Config                                                map[string]string
		Devices                                               map[string]map[string]string
	}{
		s.Image, string(s.Type), string(s.Standby), string(s.Recycle), s.Project, s.Target, s.Setup,
		s.Profiles, s.Config, s.Devices,
	}
	text, err := json.Marshal(making)
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

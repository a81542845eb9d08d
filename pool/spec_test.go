package pool

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestASpecSaysWhatIsWrongWithIt(t *testing.T) {
	tests := map[string]string{ // key=value, and what the error names
		"image=":                          "image",
		"image=two words":                 "white space",
		"type=jail":                       "container or virtual-machine",
		"standby=asleep":                  "running or frozen",
		"recycle=never":                   "replace or reset",
		"size=-1":                         "size=-1",
		"spares=-1":                       "spares=-1",
		"max=1":                           "at most 1",
		"max=1000000":                     "max=1000000",
		"max-uses=-1":                     "max-uses=-1",
		"ttl=1ms":                         "ttl=",
		"max-ttl=10m":                     "above max-ttl",
		"ready-timeout=1ms":               "ready-timeout",
		"config.volatile.x=1":             "volatile.x",
		"config.user.lxd-pool.manager=me": "user.lxd-pool.manager",
		"config.boot.autostart=true":      "boot.autostart",
		"config.white space=1":            "white space",
		"device.eth9=nictype=bridged":     "no type",
		"device.-x=type=nic":              "-x",
	}
	for set, names := range tests {
		s := Spec{Image: "ubuntu:24.04", Size: 2, TTL: Duration(30 * time.Minute)}
		key, value, _ := strings.Cut(set, "=")
		if err := s.Set(key, value); err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		s = s.WithDefaults()
		err := s.Validate()
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), names) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", set, err)
		}
	}
}

func TestAValueThatCannotBeReadIsRefusedAndChangesNothing(t *testing.T) {
	for _, set := range []string{"size=ten", "size=1.5", "ttl=10", "ttl=soon", "max-ttl=-1h", "colour=red", "device.disk=path", "config.=x"} {
		s := Spec{Image: "i"}
		key, value, _ := strings.Cut(set, "=")
		if err := s.Set(key, value); !errors.Is(err, ErrInvalid) || !sameSpec(&s, &Spec{Image: "i"}) {
			t.Errorf("%s: %v, %+v", set, err, s)
		}
	}
}

func TestSettingAKeyDoesNotChangeASpecThatSharesIt(t *testing.T) {
	a := Spec{Image: "i", Config: map[string]string{"limits.cpu": "1"}}
	b := a
	for _, set := range [][2]string{{"config.limits.cpu", "2"}, {"config.limits.memory", "1GiB"}, {"device.d", "type=none"}} {
		if err := b.Set(set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.Config) != 1 || a.Config["limits.cpu"] != "1" || a.Devices != nil {
		t.Errorf("%+v", a)
	}
}

func TestEveryKeyReadsWhatItWrites(t *testing.T) {
	full := Spec{Image: "ubuntu:24.04", Size: 3, Spares: 2, MaxAge: Duration(time.Hour), MaxUses: 7, Target: "@fast", Setup: "true", Probe: "true"}.WithDefaults()
	var again Spec
	for _, key := range SpecKeys {
		if err := again.Set(key.Name, full.Get(key.Name)); err != nil {
			t.Errorf("%s: %v", key.Name, err)
		}
	}
	if !sameSpec(&full, &again) {
		t.Errorf("%+v\nbecame\n%+v", full, again)
	}
}

func TestEveryFieldOfASpecHasAKey(t *testing.T) {
	var fields map[string]any
	text, err := json.Marshal(Spec{Image: "i", Size: 1, Spares: 1}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for name := range fields {
		if !strings.Contains(strings.Join(specKeyNames(), " "), name) {
			t.Errorf("%s has no key", name)
		}
	}
}

func TestDurationsReadWhatTheyWrite(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "30m": 30 * time.Minute, "8h": 8 * time.Hour, "2d": 48 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0, "1.5h": 90 * time.Minute,
	} {
		d, err := ParseDuration(text)
		if err != nil || time.Duration(d) != want {
			t.Errorf("%s: %s, %v", text, time.Duration(d), err)
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%s was written as %s", text, d)
		}
	}
	for _, text := range []string{"", "10", "-1h", "1x", "d", "1d-2h", "99999999999h"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q was read as %s", text, d)
		}
	}
}

func TestNamesThatLXDWouldRefuseAreRefused(t *testing.T) {
	for _, name := range []PoolName{"", "1ci", "-ci", "ci-", "Ci", "c i", "ci.x", "ci/x", PoolName(strings.Repeat("c", 41))} {
		if err := name.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []PoolName{"c", "ci", "ci-24-04", PoolName(strings.Repeat("c", 40))} {
		if err := name.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryKindOfErrorHasACodeOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range Codes() {
		if seen[code] || Code(KindOf(code)) != code {
			t.Errorf("%s is not one to one", code)
		}
		seen[code] = true
	}
	wrapped := Errorf(ErrRejected, "try another", "cannot do it: %w", ErrUnavailable)
	if !errors.Is(wrapped, ErrRejected) || !errors.Is(wrapped, ErrUnavailable) || wrapped.Error() != "cannot do it: LXD is away; try another" {
		t.Errorf("%v", wrapped)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"1h", "2d", "1d2h3m4s", "0.5m", "-1s", "9223372036854775807ns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d || d < 0 {
			t.Errorf("%q was read as %s, which is read as %s, %v", text, d, again, err)
		}
	})
}

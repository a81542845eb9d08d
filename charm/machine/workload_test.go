package machine

import (
	"errors"
	"reflect"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestAChannelIsComparedInFull(t *testing.T) {
	for channel, want := range map[string]string{
		"": "latest/stable", "edge": "latest/edge", "edge/fix": "latest/edge/fix", "1.0": "1.0/stable", "5.21/stable": "5.21/stable", "latest/beta": "latest/beta",
	} {
		if got := inFull(channel); got != want {
			t.Errorf("%q is %q, want %q", channel, got, want)
		}
	}
}

func TestAConfigurationIsTheKeysOfTheSnap(t *testing.T) {
	got := values(&api.Configuration{Listen: "10.0.0.1:8743", LXD: api.ConfiguredLXD{Address: "https://lxd:8443"}, Pools: map[pool.PoolName]pool.Spec{
		"default": {Image: "debian", Config: map[string]string{"limits.memory": "2GiB"}},
		"web":     {Image: "web", Size: 2, Devices: map[string]map[string]string{"d": {"type": "disk", "path": "/srv"}}},
	}})
	want := map[string]any{
		"listen": "10.0.0.1:8743", "lxd": map[string]any{"address": "https://lxd:8443"},
		"image": "debian", "size": "0", "config": map[string]any{"limits": map[string]any{"memory": "2GiB"}},
		"pools": map[string]any{"web": map[string]any{"image": "web", "size": "2", "device": map[string]any{"d": "path=/srv,type=disk"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestWhatIsNoLongerSetIsUnsetBelowToo(t *testing.T) {
	before := map[string]any{"limits": map[string]any{"memory": "1GiB", "cpu": "2"}, "gone": "x"}
	after := map[string]any{"limits": map[string]any{"memory": "2GiB"}}
	want := map[string]any{"limits": map[string]any{"memory": "2GiB", "cpu": nil}, "gone": nil}
	if got := withNulls(before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The text is what snapd says when a hook fails.
func TestARefusalIsToldInTheWordsOfTheDaemon(t *testing.T) {
	err := refused(errors.New("cannot perform the following tasks:\n- Run configure hook of \"lxd-pool\" snap (run hook \"configure\": cannot use size=\"x\": it must be a whole number; use one)"))
	if !errors.Is(err, pool.ErrInvalid) || err.Error() != `cannot use size="x": it must be a whole number; use one` {
		t.Errorf("got %v", err)
	}
	if err := refused(errors.New("cannot communicate with server")); errors.Is(err, pool.ErrInvalid) {
		t.Errorf("another failure is taken for a refusal: %v", err)
	}
}

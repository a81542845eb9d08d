package specyaml_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

func TestAConfigurationIsReadAsItIsMeant(t *testing.T) {
	c, err := specyaml.Configuration([]byte("group: 123\nlxd: {address: /srv/lxd}\npools:\n  ci:\n    image: 2024\n    size: 2\n    config: {limits.cpu: 2}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &api.Configuration{Group: "123", LXD: api.ConfiguredLXD{Address: "/srv/lxd"},
		Pools: map[pool.PoolName]pool.Spec{"ci": {Image: "2024", Size: 2, Config: map[string]string{"limits.cpu": "2"}}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if c, err := specyaml.Configuration(nil); err != nil || !reflect.DeepEqual(c, &api.Configuration{}) {
		t.Errorf("an empty one is %+v, %v", c, err)
	}
}

func TestABadConfigurationIsOneLineThatSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"colour: red\n":             `a configuration has no key "colour"`,
		"lxd: {port: 3}\n":          `a configuration has no key "port"`,
		"- group\n":                 "line 1: the keys of a configuration are expected",
		"pools: {ci: {sise: 3}}\n":  `pool ci: a spec has no key "sise"`,
		"pools: [ci]\n":             "line 1: names of pools are expected",
		"group: [a]\n":              "group cannot be a list",
		"lxd: {address: {a: b}}\n":  "address cannot be a map",
		"group: lxd\ngroup: root\n": "already defined",
	} {
		_, err := specyaml.Configuration([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", text, err, want)
		}
	}
}

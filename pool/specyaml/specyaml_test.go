package specyaml_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

var full = pool.Spec{
	Image: "ubuntu:24.04", Size: 3, Max: 9, TTL: pool.Duration(90 * time.Minute),
	Profiles: []string{"default", "123"},
	Config:   map[string]string{"limits.cpu": "2", "user.note": "yes", "user.empty": ""},
	Devices:  map[string]map[string]string{"srv": {"type": "disk", "source": "/srv", "path": "/srv"}},
	Setup:    "#!/bin/sh\napt-get update <&-\n\techo \"done\"\n",
}

func TestASpecThatIsWrittenIsReadBackTheSame(t *testing.T) {
	text, err := specyaml.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	back, err := specyaml.Spec(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(back, full) {
		t.Errorf("read back:\n%+v\nwant:\n%+v\ntext:\n%s", back, full, text)
	}
}

func TestAScriptIsWrittenAsLinesAndNamesInTheOrderOfJSON(t *testing.T) {
	text, err := specyaml.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"image: ubuntu:24.04\nsize: 3\nmax: 9\n", "setup: |\n  #!/bin/sh\n", `limits.cpu: "2"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func TestValuesNeedNoQuotes(t *testing.T) {
	s, err := specyaml.Spec([]byte("image: 20240101\nsize: 2\nconfig:\n  limits.cpu: 2\n  security.nesting: true\nttl: 1d\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := pool.Spec{Image: "20240101", Size: 2, TTL: pool.Duration(24 * time.Hour),
		Config: map[string]string{"limits.cpu": "2", "security.nesting": "true"}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestTheSpecOfAShownPoolIsRead(t *testing.T) {
	s, err := specyaml.Spec([]byte("name: ci\nspec:\n  image: busybox\n  size: 2\ncounts: {ready: 2}\n"))
	if want := (pool.Spec{Image: "busybox", Size: 2}); err != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, %v; want %+v", s, err, want)
	}
}

func TestPoolsAreReadByName(t *testing.T) {
	pools, err := specyaml.Pools([]byte("# ours\nci:\n  image: busybox\n  size: 2\nweb:\n  image: debian\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[pool.PoolName]pool.Spec{"ci": {Image: "busybox", Size: 2}, "web": {Image: "debian"}}
	if !reflect.DeepEqual(pools, want) {
		t.Errorf("got %+v, want %+v", pools, want)
	}
	if pools, err := specyaml.Pools([]byte("# nothing yet\n")); err != nil || len(pools) != 0 {
		t.Errorf("an empty file has %v, %v; want no pools and no error", pools, err)
	}
}

func TestBadYAMLIsOneLineThatSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"image: a\nsise: 3\n":        `a spec has no key "sise"`,
		"image: a\nsize: many\n":     "size cannot be a text",
		"image: a\nttl: soon\n":      `cannot read "soon" as a length of time; write it like "90s", "30m", "8h" or "2d"`,
		"- image\n":                  "line 1: the keys of a spec are expected, such as image: ubuntu:24.04",
		"image: [\n":                 "line 1: did not find expected node content",
		"image: a\n---\nimage: b\n":  "there is more than one document",
		"image: a\nimage: b\n":       `line 2: mapping key "image" already defined at line 1`,
		"image: a\nconfig: {a: [1]}": "config cannot be a list",
	} {
		_, err := specyaml.Spec([]byte(text))
		if err == nil {
			t.Errorf("%q was read without an error", text)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %q, want one line with %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"ci: 3\n":                  "pool ci: line 1: the keys of a spec",
		"- ci\n":                   "line 1: names of pools are expected",
		"ci: {size: x}\nweb: {}\n": "pool ci: size cannot be a text",
		"ci: {}\nci: {}\n":         "pool ci is there twice",
	} {
		if _, err := specyaml.Pools([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

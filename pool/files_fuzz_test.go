package pool_test

import (
	"archive/tar"
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// FuzzPushTree pushes whatever comes: nothing may change outside of the
// directory, and nothing half made may be left in it.
func FuzzPushTree(f *testing.F) {
	f.Add(stream(entry{name: "a/b", text: "x"}, entry{name: "l", kind: tar.TypeSymlink, link: "/etc"}, entry{name: "h", kind: tar.TypeLink, link: "a/b"}).Bytes())
	f.Add(stream(entry{name: "l", kind: tar.TypeSymlink, link: "/etc"}, entry{name: "l/hostname", text: "evil"}).Bytes())
	f.Add(stream(entry{name: "../etc/hostname", text: "evil"}, entry{name: "/etc/hostname", text: "evil"}).Bytes())
	f.Add(stream(entry{name: "a", text: "1"}, entry{name: "a/", kind: tar.TypeDir}, entry{name: "a", text: "2"}).Bytes())
	f.Add([]byte("no tar"))
	lxd := simbackend.New(simbackend.Options{Latency: simbackend.Instant, Space: 1 << 20})
	f.Fuzz(func(t *testing.T, text []byte) {
		lxd.AddUntagged("fuzzed")
		defer lxd.Remove("fuzzed")
		tree, err := lxd.OpenFiles(t.Context(), pool.Order{Instance: "fuzzed"})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		before := listing(t, tree, "/")
		pool.PushTree(t.Context(), tree, "/srv", bytes.NewReader(text), pool.PushOptions{})
		if after := listing(t, tree, "/"); after != before {
			t.Errorf("it was\n%s, and is\n%s", before, after)
		}
		if strings.Contains(listing(t, tree, "/srv/."), ".lxd-pool-") {
			t.Error("something half made was left")
		}
	})
}

// listing tells of everything but what is in "/srv".
func listing(t *testing.T, tree pool.FileTree, dir string) string {
	if dir == "/srv" {
		return ""
	}
	list, err := tree.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, f := range list {
		at := strings.TrimSuffix(dir, "/") + "/" + f.Name
		names[f.Name] = at + " " + string(f.Type) + " " + f.Mode.String()
		if f.Type == pool.Directory {
			names[f.Name] += "\n" + listing(t, tree, at)
		}
	}
	var all []string
	for _, f := range slices.Sorted(maps.Keys(names)) {
		all = append(all, names[f])
	}
	return strings.Join(all, "\n")
}

package lxdbackend_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestASpecThatLXDCannotSatisfyIsRefusedWithTheNextStep(t *testing.T) {
	t.Parallel()
	r := alone(t)
	for _, c := range []struct {
		keys  []string
		image string
		parts []string
	}{
		{image: "no-such-image", parts: []string{"no-such-image", "lxd-pool image list"}},
		{image: "abcdef", parts: []string{"abcdef", "lxd-pool image list"}},
		{image: "nowhere:24.04", parts: []string{`"nowhere"`, "lxd-pool remote list"}},
		{keys: []string{"profiles=nope"}, parts: []string{`profile "nope"`, "lxd-pool profile list"}},
		{keys: []string{"project=nope"}, parts: []string{`project "nope"`, "lxd-pool project list"}},
		{keys: []string{"target=node9"}, parts: []string{"target", "not clustered"}},
		{keys: []string{"config.limits.cpux=1"}, parts: []string{"limits.cpux", "config"}},
		{keys: []string{"config.limits.memory=banana"}, parts: []string{"banana", "config"}},
		{keys: []string{"device.data=type=disk,source=/no/such/dir,path=/data"}, parts: []string{"/no/such/dir", "device"}},
		{keys: []string{"device.eth1=type=nic,network=nope"}, parts: []string{`"nope"`, "lxc network list"}},
		{keys: []string{"device.more=type=disk,pool=nope,path=/more,source=vol"}, parts: []string{"nope"}},
		{keys: []string{"type=virtual-machine"}, parts: []string{"container", "virtual-machine"}},
	} {
		image := c.image
		if image == "" {
			image = busybox
		}
		_, err := r.b.Vet(t.Context(), r.order(image, c.keys...))
		if !errors.Is(err, pool.ErrRejected) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %v: %v", c.image, c.keys, err)
			continue
		}
		t.Log(err)
		for _, part := range c.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s %v: %q is missing in %q", c.image, c.keys, part, err)
			}
		}
	}
	if list, err := r.b.List(t.Context(), r.manager); err != nil || len(list) != 0 {
		t.Errorf("it leaves %+v, %v", list, err)
	}
}

func TestASpecWithoutARootDiskIsRefused(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox)
	o.Spec.Profiles = []string{}
	if _, err := r.b.Vet(t.Context(), o); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "type=disk,path=/") {
		t.Errorf("got %v", err)
	}
}

func TestAGoodSpecIsVettedWithoutATrace(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox, "config.limits.memory=128MiB")
	vetted, err := r.b.Vet(t.Context(), o)
	r.must(err)
	if resolved, err := r.b.Resolve(t.Context(), o); err != nil || resolved != vetted {
		t.Errorf("Vet says %s, Resolve %s, %v", vetted, resolved, err)
	}
	if list, err := r.b.List(t.Context(), r.manager); err != nil || len(list) != 0 {
		t.Errorf("it leaves %+v, %v", list, err)
	}
}

func TestAnImageIsFoundByItsFingerprintToo(t *testing.T) {
	t.Parallel()
	r := alone(t)
	byAlias, err := r.b.Resolve(t.Context(), r.order(busybox))
	r.must(err)
	byFingerprint, err := r.b.Resolve(t.Context(), r.order(string(byAlias)[:12]))
	r.must(err)
	if byAlias != byFingerprint {
		t.Errorf("%s by alias, %s by fingerprint", byAlias, byFingerprint)
	}
}

func TestAPoolThatResetsNeedsAProjectThatAllowsSnapshots(t *testing.T) {
	t.Parallel()
	r := alone(t)
	lxc := admin(t)
	project := "lxdbackend-" + string(r.manager)
	post := api.ProjectsPost{Name: project}
	post.Config = map[string]string{"restricted": "true", "features.images": "false", "features.profiles": "true"}
	lxc.ask(http.MethodPost, "/1.0/projects", post)
	t.Cleanup(func() { lxc.ask(http.MethodDelete, "/1.0/projects/"+project, nil) })
	profile := api.ProfilePut{Devices: map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": "default"}}}
	lxc.ask(http.MethodPut, "/1.0/profiles/default?project="+project, profile)
	if _, err := r.b.Vet(t.Context(), r.order(busybox, "project="+project, "recycle=reset")); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "restricted.snapshots") {
		t.Errorf("got %v", err)
	}
	o := r.order(busybox, "project="+project)
	_, err := r.b.Vet(t.Context(), o)
	r.must(err)
	r.create(o)
	if place := r.start(o); place.Project != project {
		t.Errorf("it is in project %s", place.Project)
	}
	r.run(o, "true")
	for _, seen := range []pool.Seen{r.seen(o), r.templates()[0]} {
		if seen.Place.Project != project {
			t.Errorf("it is listed as %+v", seen)
		}
		r.must(r.b.Delete(t.Context(), pool.Order{Manager: r.manager, Instance: seen.Name, Spec: o.Spec}))
	}
}

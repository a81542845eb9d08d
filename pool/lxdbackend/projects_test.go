package lxdbackend_test

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// ownProject names a project that does not exist, and takes it away at the end.
func (r *room) ownProject() string {
	r.Helper()
	name := "project-" + string(pool.NewManagerID())
	r.Cleanup(func() {
		for _, err := range sweep(r.b, r.manager) {
			r.Error(err)
		}
		_, _, _ = admin(r).server.RawQuery(http.MethodDelete, "/1.0/projects/"+name, nil, "")
	})
	return name
}

func (r *room) projectConfig(name string) map[string]string {
	r.Helper()
	found, _, err := admin(r).server.GetProject(name)
	r.must(err)
	return found.Config
}

func TestInstancesOfAProjectForPoolsWorkAndGetNoPrivilege(t *testing.T) {
	t.Parallel()
	r := alone(t)
	name := r.ownProject()
	r.must(r.b.InitProject(t.Context(), name, map[string]string{"instances": "8", "memory": "2GiB", "disk": "8GiB", "cpu": "8"},
		map[string]string{"memory": "256MiB", "disk": "1024MiB", "cpu": "1"}))
	o := r.order(busybox, "project="+name, "recycle=reset", "setup=touch /etc/set-up")
	_, err := r.b.Vet(t.Context(), o)
	r.must(err)
	r.create(o)
	place := r.start(o)
	if place.Project != name || len(place.Addresses) == 0 {
		t.Errorf("its place is %+v", place)
	}
	r.run(o, "test -e /etc/set-up && touch /root/dirt")
	r.must(r.b.Reset(t.Context(), o))
	r.start(o)
	r.run(o, "test -e /etc/set-up && ! test -e /root/dirt")
	for _, key := range []string{
		"config.security.privileged=true", "config.security.nesting=true", "config.raw.lxc=lxc.uts.name = x",
		"device.host=type=disk,source=/etc,path=/mnt", "device.eth9=type=nic,nictype=physical,parent=lo",
	} {
		bad := r.order(busybox, "project="+name, key)
		if _, err := r.b.Vet(t.Context(), bad); !errors.Is(err, pool.ErrRejected) {
			t.Errorf("%s: %v", key, err)
		}
	}
	more := r.order(busybox, "project="+name, "config.limits.memory=4GiB")
	if _, err := r.b.Vet(t.Context(), more); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "init --project") {
		t.Errorf("more memory than the project has: %v", err)
	}
}

func TestAProjectForPoolsIsMadeAgainWithoutAnyChange(t *testing.T) {
	t.Parallel()
	r := alone(t)
	name := r.ownProject()
	limits, shares := map[string]string{"instances": "4", "memory": "1GiB"}, map[string]string{"memory": "256MiB"}
	r.must(r.b.InitProject(t.Context(), name, limits, shares))
	before := r.projectConfig(name)
	if before["restricted"] != "true" || before["features.images"] != "false" || before["limits.memory"] != "1GiB" {
		t.Errorf("its config is %v", before)
	}
	admin(t).ask(http.MethodPatch, "/1.0/profiles/default?project="+name, map[string]any{"config": map[string]string{"user.mine": "yes"}})
	r.must(r.b.InitProject(t.Context(), name, limits, nil))
	if after := r.projectConfig(name); !maps.Equal(before, after) {
		t.Errorf("its config was\n%v\nand is\n%v", before, after)
	}
	profile, err := r.b.Profile(t.Context(), name, "default")
	r.must(err)
	if profile.Config["user.mine"] != "yes" || profile.Config["limits.memory"] != "256MiB" {
		t.Errorf("its default profile has %v", profile.Config)
	}
	for _, c := range []map[string]string{ // more, less, and none
		{"instances": "4", "memory": "4GiB"}, {"instances": "4", "memory": "512MiB"}, {"instances": "4"},
	} {
		share := map[string]string{}
		switch c["memory"] {
		case "4GiB":
			share["memory"] = "1GiB"
		case "512MiB":
			share["memory"] = "128MiB"
		}
		r.must(r.b.InitProject(t.Context(), name, c, share))
		profile, err := r.b.Profile(t.Context(), name, "default")
		r.must(err)
		if profile.Config["limits.memory"] != share["memory"] || r.projectConfig(name)["limits.memory"] != c["memory"] {
			t.Errorf("with %v the default profile has %v", c, profile.Config)
		}
		if c["memory"] == "4GiB" { // so that an instance is in the way of the next
			o := r.order(busybox, "project="+name)
			r.create(o)
		}
	}
}

func TestLimitsThatAProjectHasOutgrownAreRefusedAndNothingChanges(t *testing.T) {
	t.Parallel()
	r := alone(t)
	name := r.ownProject()
	r.must(r.b.InitProject(t.Context(), name, map[string]string{"instances": "4", "memory": "1GiB"}, map[string]string{"memory": "256MiB"}))
	o := r.order(busybox, "project="+name, "config.limits.memory=300MiB")
	r.create(o)
	before := r.projectConfig(name)
	err := r.b.InitProject(t.Context(), name, map[string]string{"instances": "4", "memory": "200MiB"}, map[string]string{"memory": "50MiB"})
	if !errors.Is(err, pool.ErrRejected) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if after := r.projectConfig(name); !maps.Equal(before, after) {
		t.Errorf("its config was\n%v\nand is\n%v", before, after)
	}
	profile, err := r.b.Profile(t.Context(), name, "default")
	r.must(err)
	if profile.Config["limits.memory"] != "256MiB" {
		t.Errorf("its default profile has %v", profile.Config)
	}
}

func TestAProjectOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := alone(t)
	name := r.ownProject()
	admin(t).ask(http.MethodPost, "/1.0/projects", api.ProjectsPost{Name: name})
	before := r.projectConfig(name)
	if err := r.b.InitProject(t.Context(), name, nil, nil); !errors.Is(err, pool.ErrExists) {
		t.Errorf("setting it up: %v", err)
	}
	if err := r.b.DeleteProject(t.Context(), name); !errors.Is(err, pool.ErrForbidden) {
		t.Errorf("deleting it: %v", err)
	}
	if after := r.projectConfig(name); !maps.Equal(before, after) {
		t.Errorf("its config is now %v", after)
	}
}

func TestAProjectForPoolsThatLXDRefusesLeavesNothing(t *testing.T) {
	t.Parallel()
	r := alone(t)
	name := r.ownProject()
	// Its default profile cannot be: LXD takes no such share.
	err := r.b.InitProject(t.Context(), name, map[string]string{"instances": "4"}, map[string]string{"memory": "a lot"})
	if !errors.Is(err, pool.ErrRejected) {
		t.Errorf("got %v", err)
	}
	if _, err := r.b.Project(t.Context(), name); !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

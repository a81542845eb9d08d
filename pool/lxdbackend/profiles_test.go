package lxdbackend_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// profile makes a profile of the test's own, which is deleted at its end.
func (r *room) profile(config map[string]string, devices map[string]map[string]string) *pool.Profile {
	r.Helper()
	p := &pool.Profile{Name: "profile-" + string(pool.NewManagerID()), Config: config, Devices: devices}
	r.must(r.b.CreateProfile(r.Context(), "", p))
	r.Cleanup(func() { _, _, _ = admin(r).server.RawQuery(http.MethodDelete, "/1.0/profiles/"+p.Name, nil, "") })
	made, err := r.b.Profile(r.Context(), "", p.Name)
	r.must(err)
	return made
}

func TestAProfileThatChangedMakesAnotherTemplate(t *testing.T) {
	t.Parallel()
	r := alone(t)
	p := r.profile(map[string]string{"limits.processes": "300"}, nil)
	o := r.order(busybox, "profiles=default,"+p.Name)
	old := r.create(o)
	o.Origin = old
	if again := r.create(r.another(o)); again != old {
		t.Errorf("nothing has changed, but it is made from %s, not %s", again, old)
	}
	described := *p
	described.Description = "for tests"
	r.must(r.b.ReplaceProfile(t.Context(), "", p, &described))
	if now, err := r.b.Resolve(t.Context(), o); err != nil || now != old {
		t.Errorf("only the description has changed, but it would be made from %s, %v", now, err)
	}
	changed := described
	changed.Config = map[string]string{"limits.processes": "400"}
	r.must(r.b.ReplaceProfile(t.Context(), "", &described, &changed))
	now, err := r.b.Resolve(t.Context(), o)
	if err != nil || now == old {
		t.Errorf("the profile has changed, but it would be made from %s, %v", now, err)
	}
	if made := r.create(r.another(o)); made != now {
		t.Errorf("it is made from %s, not %s", made, now)
	}
}

func TestOnlyAProfileThatIsAsItWasReadIsReplaced(t *testing.T) {
	t.Parallel()
	r := enter(t)
	p := r.profile(nil, nil)
	to := *p
	to.Description = "ours"
	admin(t).ask(http.MethodPut, "/1.0/profiles/"+p.Name, api.ProfilePut{Description: "theirs"})
	if err := r.b.ReplaceProfile(t.Context(), "", p, &to); !errors.Is(err, pool.ErrChanged) {
		t.Errorf("got %v", err)
	}
	if now, err := r.b.Profile(t.Context(), "", p.Name); err != nil || now.Description != "theirs" {
		t.Errorf("it is %+v, %v", now, err)
	}
}

func TestAProfileThatAnInstanceCannotTakeStaysAsItWas(t *testing.T) {
	t.Parallel()
	r := enter(t)
	p := r.profile(map[string]string{"limits.processes": "300"}, nil)
	o := r.order(busybox, "profiles=default,"+p.Name)
	r.create(o)
	r.start(o)
	bad := *p
	bad.Devices = map[string]map[string]string{"eth9": {"type": "nic", "nictype": "physical", "parent": "no-such-card"}}
	err := r.b.ReplaceProfile(t.Context(), "", p, &bad)
	if !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), "cannot change profile "+p.Name) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if now, err := r.b.Profile(t.Context(), "", p.Name); err != nil || !now.Same(p) {
		t.Errorf("it is %+v, %v", now, err)
	}
}

func TestAProfileIsVettedForWhoeverUsesIt(t *testing.T) {
	t.Parallel()
	r := enter(t)
	p := r.profile(nil, map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": "default"}})
	o := r.order(busybox, "profiles="+p.Name)
	r.must(r.b.VetProfile(t.Context(), o, p))
	rootless := *p
	rootless.Devices = nil
	if err := r.b.VetProfile(t.Context(), o, &rootless); !errors.Is(err, pool.ErrRejected) {
		t.Errorf("without a root disk: %v", err)
	}
	with := r.order(busybox, "profiles=default,"+p.Name)
	r.must(r.b.VetProfile(t.Context(), with, &rootless))
}

func TestProfilesOfLXDAreMadeAndDeletedByName(t *testing.T) {
	t.Parallel()
	r := enter(t)
	p := r.profile(map[string]string{"user.note": "x"}, nil)
	all, err := r.b.Profiles(t.Context(), "")
	r.must(err)
	var names []string
	for _, each := range all {
		names = append(names, each.Name)
	}
	if list := strings.Join(names, " "); !strings.Contains(list, p.Name) || !strings.Contains(list, "default") {
		t.Errorf("the profiles are %s", list)
	}
	for what, c := range map[string]struct {
		err  error
		kind error
	}{
		"one that is there":       {r.b.CreateProfile(t.Context(), "", p), pool.ErrExists},
		"a key that LXD lacks":    {r.b.CreateProfile(t.Context(), "", &pool.Profile{Name: p.Name + "x", Config: map[string]string{"no.such": "x"}}), pool.ErrInvalid},
		"in a project not there":  {r.b.CreateProfile(t.Context(), "no-such", p), pool.ErrNotFound},
		"deleting an unknown one": {r.b.DeleteProfile(t.Context(), "", "no-such"), pool.ErrNotFound},
		"deleting the default":    {r.b.DeleteProfile(t.Context(), "", "default"), pool.ErrInvalid},
	} {
		if (!errors.Is(c.err, c.kind) && what != "deleting the default") || c.err == nil || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	o := r.order(busybox, "profiles=default,"+p.Name)
	r.create(o)
	if err := r.b.DeleteProfile(t.Context(), "", p.Name); !errors.Is(err, pool.ErrInUse) || !strings.Contains(err.Error(), string(o.Instance)) {
		t.Errorf("deleting one in use: %v", err)
	}
	unused := r.profile(nil, nil)
	r.must(r.b.DeleteProfile(t.Context(), "", unused.Name))
	if _, err := r.b.Profile(t.Context(), "", unused.Name); !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("the deleted one: %v", err)
	}
}

func TestAProjectWithoutProfilesOfItsOwnUsesThoseOfTheDefaultOne(t *testing.T) {
	t.Parallel()
	r := enter(t)
	lxc := admin(t)
	name := "plain-" + string(pool.NewManagerID())
	lxc.ask(http.MethodPost, "/1.0/projects", api.ProjectsPost{Name: name, ProjectPut: api.ProjectPut{
		Config: map[string]string{"features.profiles": "false", "features.images": "false"}}})
	t.Cleanup(func() { lxc.ask(http.MethodDelete, "/1.0/projects/"+name, nil) })
	p, err := r.b.Profile(t.Context(), name, "default")
	r.must(err)
	if p.Project != "default" {
		t.Errorf("it lives in %q", p.Project)
	}
}

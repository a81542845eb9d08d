package lxdbackend_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// templates lists the templates of the room's manager.
func (r *room) templates() []pool.Seen {
	r.Helper()
	list, err := r.b.List(r.Context(), r.manager)
	r.must(err)
	var found []pool.Seen
	for _, seen := range list {
		if seen.Template != "" {
			found = append(found, seen)
		}
	}
	return found
}

func TestTheTemplateIsBuiltOnceForAllWhoWaitForIt(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox)
	origins := make([]pool.Origin, 4)
	var all sync.WaitGroup
	for i := range origins {
		mine := r.another(o)
		all.Go(func() {
			var err error
			if origins[i], err = r.b.Create(t.Context(), mine); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	found := r.templates()
	if len(found) != 1 || found[0].Template != origins[0] || found[0].Status != pool.Stopped || found[0].Pool != o.Pool {
		t.Fatalf("the templates are %+v", found)
	}
	for _, origin := range origins {
		if origin != origins[0] {
			t.Errorf("the origins are %v", origins)
		}
	}
}

func TestATemplateThatACrashLeftUnfinishedIsBuiltAgain(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox)
	left := r.another(o)
	post := api.InstancesPost{Name: string(left.Instance), Source: api.InstanceSource{Type: "image", Alias: busybox}}
	post.Config = map[string]string{
		"user.lxd-pool.manager": string(r.manager), "user.lxd-pool.pool": string(o.Pool), "user.lxd-pool.template": "building",
	}
	admin(t).ask(http.MethodPost, "/1.0/instances", post)
	if found := r.templates(); len(found) != 1 || found[0].Template != pool.Building {
		t.Fatalf("it is listed as %+v", found)
	}
	r.create(o)
	if found := r.templates(); len(found) != 1 || found[0].Template == pool.Building || found[0].Name == left.Instance {
		t.Errorf("the templates are %+v", found)
	}
}

func TestATemplateWhoseSealIsBrokenIsReplaced(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox)
	r.create(o)
	broken := r.templates()[0]
	admin(t).state(broken.Name, "start")
	r.create(r.another(o))
	if found := r.templates(); len(found) != 1 || found[0].Name == broken.Name || found[0].Template != broken.Template {
		t.Errorf("the templates are %+v", found)
	}
}

func TestATemplateThatVanishedIsBuiltAgain(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox)
	o.Origin = r.create(o)
	lost := r.templates()[0]
	r.must(r.b.Delete(t.Context(), pool.Order{Manager: r.manager, Instance: lost.Name, Spec: o.Spec}))
	if origin := r.create(r.another(o)); origin != o.Origin {
		t.Errorf("it is made from %s, not %s", origin, o.Origin)
	}
}

func TestSetupRunsOnceAndAllMembersHaveWhatItMade(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox, "setup=#!/bin/busybox sh\necho $$ $(cat /proc/uptime) $(pwd) >/etc/made; mkdir /root/kept; ps >/root/kept/ps; true")
	two := r.another(o)
	r.create(o)
	r.create(two)
	r.start(o)
	r.start(two)
	made := r.run(o, "cat /etc/made /root/kept/ps")
	if !strings.Contains(made, "/root\n") {
		t.Errorf("it made %q", made)
	}
	if other := r.run(two, "cat /etc/made /root/kept/ps"); other != made {
		t.Errorf("one has %q, the other %q", made, other)
	}
	if mode := r.run(o, "stat -c %a /etc/made"); mode != "644" {
		t.Errorf("what it made has mode %s", mode)
	}
	if left := r.run(o, "ls -a /root"); strings.Contains(left, "setup") {
		t.Errorf("the script is still there: %s", left)
	}
}

func TestASetupThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox, "setup=echo one; echo cannot find the cheese >&2; exit 3")
	_, err := r.b.Create(t.Context(), o)
	if !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), "status 3") || !strings.Contains(err.Error(), "cannot find the cheese") {
		t.Errorf("got %v", err)
	}
	if found := r.templates(); len(found) != 0 {
		t.Errorf("it leaves %+v", found)
	}
	r.is(o, "")
}

func TestAnotherSpecOrImageMakesAnotherTemplate(t *testing.T) {
	t.Parallel()
	r := alone(t)
	lxc := admin(t)
	one, _, err := lxc.server.GetImageAlias(busybox)
	r.must(err)
	two, _, err := lxc.server.GetImageAlias(debian)
	r.must(err)
	alias := "lxd-pool-test/" + string(r.manager)
	r.must(lxc.server.CreateImageAlias(api.ImageAliasesPost{ImageAliasesEntry: api.ImageAliasesEntry{
		Name: alias, Target: one.Target,
	}}))
	t.Cleanup(func() { lxc.server.DeleteImageAlias(alias) })
	o := r.order(alias)
	old := r.create(o)
	o.Origin = old

	r.must(lxc.server.UpdateImageAlias(alias, api.ImageAliasesEntryPut{Target: two.Target}, ""))
	if now, err := r.b.Resolve(t.Context(), o); err != nil || now == old {
		t.Errorf("the image has changed, but the origin is still %s, %v", now, err)
	}
	if again := r.create(r.another(o)); again != old {
		t.Errorf("it is made from %s, though %s can still be had", again, old)
	}
	changed := *o.Spec
	changed.Config = map[string]string{"limits.processes": "300"}
	o = r.another(o)
	o.Spec = &changed
	if now := r.create(o); now == old || !strings.HasPrefix(string(now), two.Target) {
		t.Errorf("the spec has changed, but it is made from %s", now)
	}
	if got := admin(t).get(o.Instance).Config["limits.processes"]; got != "300" {
		t.Errorf("its limit is %q", got)
	}
}

// cloud is an image with systemd and cloud-init.
const cloud = "lxd-pool/cloud"

func TestCloudInitDoesTheSetupOnceForAllMembers(t *testing.T) {
	t.Parallel()
	r := alone(t)
	setup := "#cloud-config\nwrite_files:\n- {path: /etc/made, content: by cloud-init}\nruncmd:\n- echo $(cat /proc/uptime) >/etc/when\n"
	o := r.order(cloud, "setup="+setup)
	two := r.another(o)
	var stages []string
	ctx := pool.WithProgress(t.Context(), func(p pool.Progress) { stages = append(stages, p.Stage) })
	_, err := r.b.Create(ctx, o)
	r.must(err)
	r.create(two)
	r.start(o)
	r.start(two)
	if made := r.run(o, "cat /etc/made"); made != "by cloud-init" {
		t.Errorf("it made %q", made)
	}
	if one, other := r.run(o, "cat /etc/when"), r.run(two, "cat /etc/when"); one != other {
		t.Errorf("one was set up at %s, the other at %s", one, other)
	}
	id := "cat /var/lib/cloud/data/instance-id"
	if one, other := r.run(o, id), r.run(two, id); one == other || one == "" {
		t.Errorf("both are instance %q for cloud-init", one)
	}
	for key, value := range admin(t).get(o.Instance).Config {
		if strings.Contains(key, "user-data") {
			t.Errorf("it has %s=%s", key, value)
		}
	}
	if !slices.ContainsFunc(stages, func(stage string) bool { return strings.Contains(stage, "cloud-init") }) {
		t.Errorf("it was at %q", stages)
	}
}

func TestASetupThatCloudInitCannotDoSaysWhyAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := alone(t)
	for image, c := range map[string]struct{ setup, says string }{
		cloud:   {"#cloud-config\nruncmd:\n- echo there is no cheese\n- exit 3\n", "there is no cheese"},
		busybox: {"#cloud-config\nruncmd: [true]\n", "which its image does not have"},
	} {
		_, err := r.b.Create(t.Context(), r.order(image, "setup="+c.setup))
		if !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", image, err)
		}
	}
	if found := r.templates(); len(found) != 0 {
		t.Errorf("it leaves %+v", found)
	}
}

package lxdbackend_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestACreatedInstanceIsStoppedTaggedAndWasNeverStarted(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	origin := r.create(o)
	r.is(o, pool.Stopped)
	if seen := r.seen(o); seen.Pool != o.Pool || seen.Template != "" || seen.Place.Project != "default" || seen.Created.IsZero() {
		t.Errorf("it is listed as %+v", seen)
	}
	in := admin(t).get(o.Instance)
	if in.Config["user.lxd-pool.manager"] != string(o.Manager) || in.Config["boot.autostart"] != "false" {
		t.Errorf("its config is %v", in.Config)
	}
	if _, ok := in.Config["user.lxd-pool.template"]; ok || in.Config["volatile.last_state.power"] != "" {
		t.Errorf("its config is that of a template: %v", in.Config)
	}
	if again, err := r.b.Resolve(t.Context(), o); err != nil || again != origin {
		t.Errorf("it is made from %s, but Resolve says %s, %v", origin, again, err)
	}
}

func TestAStartedInstanceRunsAndSaysWhereItIs(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	place := r.start(o)
	r.is(o, pool.Running)
	if place.Project != "default" || len(place.Addresses) == 0 {
		t.Fatalf("its place is %+v", place)
	}
	a := place.Addresses[0]
	if ip, err := netip.ParseAddr(a.Address); err != nil || a.Interface != "eth0" || a.Family != "inet" || !ip.IsPrivate() {
		t.Errorf("its address is %+v", a)
	}
	if got := r.run(o, "ip -4 address show eth0 || ifconfig eth0"); !strings.Contains(got, a.Address) {
		t.Errorf("the instance does not know of %s: %s", a.Address, got)
	}
	r.must(r.b.Check(t.Context(), o))
}

func TestEveryVerbCanBeRepeated(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset", "standby=frozen")
	for range 2 {
		r.create(o)
		r.is(o, pool.Stopped)
	}
	for range 2 {
		r.start(o)
		r.is(o, pool.Frozen)
	}
	for range 2 {
		r.must(r.b.Wake(t.Context(), o))
		r.is(o, pool.Running)
	}
	for range 2 {
		r.must(r.b.Reset(t.Context(), o))
		r.is(o, pool.Stopped)
	}
	for range 2 {
		r.must(r.b.Delete(t.Context(), o))
		r.is(o, "")
	}
}

func TestCreateReplacesWhatHasTheName(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	r.start(o)
	r.run(o, "touch /root/old")
	r.create(o)
	r.is(o, pool.Stopped)
	r.start(o)
	r.run(o, "! test -e /root/old")
}

func TestAFrozenInstanceIsCheckedWithoutWakingIt(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "standby=frozen")
	r.create(o)
	if place := r.start(o); len(place.Addresses) == 0 {
		t.Error("it has no address")
	}
	r.must(r.b.Check(t.Context(), o))
	r.is(o, pool.Frozen)
	r.must(r.b.Wake(t.Context(), o))
	r.run(o, "true")
	if err := r.b.Check(t.Context(), o); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("one that was woken passes for a frozen one: %v", err)
	}
}

func TestCheckFindsAnInstanceThatStopped(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	r.start(o)
	admin(t).state(o.Instance, "stop")
	if err := r.b.Check(t.Context(), o); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("got %v", err)
	}
}

func TestVerbsOnAnInstanceThatVanishedSayThatItIsGone(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset")
	_, startErr := r.b.Start(t.Context(), o)
	_, execErr := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"true"}})
	for verb, err := range map[string]error{
		"Start": startErr, "Exec": execErr, "Wake": r.b.Wake(t.Context(), o),
		"Check": r.b.Check(t.Context(), o), "Reset": r.b.Reset(t.Context(), o),
	} {
		if !errors.Is(err, pool.ErrGone) {
			t.Errorf("%s returns %v", verb, err)
		}
	}
}

package lxdbackend_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestDeleteTakesWhateverStateTheInstanceIsIn(t *testing.T) {
	t.Parallel()
	r := enter(t)
	lxc := admin(t)
	for state, spoil := range map[string]func(pool.Order){
		"running":   func(o pool.Order) { lxc.state(o.Instance, "start") },
		"frozen":    func(o pool.Order) { lxc.state(o.Instance, "start"); lxc.state(o.Instance, "freeze") },
		"protected": func(o pool.Order) { lxc.set(o.Instance, map[string]string{"security.protection.delete": "true"}) },
		"snapshots": func(o pool.Order) { lxc.snapshot(o.Instance, "a"); lxc.snapshot(o.Instance, "b") },
	} {
		o := r.order(busybox)
		r.create(o)
		spoil(o)
		if err := r.b.Delete(t.Context(), o); err != nil {
			t.Errorf("%s: %v", state, err)
		}
		r.is(o, "")
	}
}

func TestDeleteWaitsForAnInstanceThatIsBusy(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	_, _, err := admin(t).server.RawQuery(http.MethodPut, where(o.Instance, "/state"), api.InstanceStatePut{Action: "start"}, "")
	r.must(err) // and it goes on in the background
	r.must(r.b.Delete(t.Context(), o))
	r.is(o, "")
}

func TestWhatDoesNotCarryOurTagIsNeverTouched(t *testing.T) {
	t.Parallel()
	r := enter(t)
	other := alone(t)
	o := other.order(busybox, "recycle=reset")
	other.create(o)
	stranger := o
	stranger.Manager = r.manager
	stranger.Instance = o.Instance
	if err := r.b.Delete(t.Context(), stranger); !errors.Is(err, pool.ErrForbidden) {
		t.Errorf("Delete: %v", err)
	}
	if err := r.b.Reset(t.Context(), stranger); !errors.Is(err, pool.ErrForbidden) {
		t.Errorf("Reset: %v", err)
	}
	if _, err := r.b.Create(t.Context(), stranger); !errors.Is(err, pool.ErrForbidden) {
		t.Errorf("Create: %v", err)
	}
	if _, err := r.b.Start(t.Context(), stranger); !errors.Is(err, pool.ErrForbidden) {
		t.Errorf("Start: %v", err)
	}
	other.is(o, pool.Stopped)
}

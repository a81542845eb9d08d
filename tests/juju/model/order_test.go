package model_test

import (
	"slices"
	"testing"

	"github.com/juju/juju/lxd-pool-tests/model"
)

func TestAUnitComesUpAndGoesInTheOrderOfJuju(t *testing.T) {
	m := world(t, model.Options{})
	deploy(t, m, "lxd-pool", "", 1)
	settle(t, m)
	m.RemoveUnit("lxd-pool/0")
	settle(t, m)
	want := []string{
		"install", "room-relation-created lxd-pool", "leader-elected", "config-changed", "start",
		"stop", "remove",
	}
	if got := hooks(m, "lxd-pool/0"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if units := m.Units("lxd-pool"); len(units) != 0 {
		t.Errorf("there are still %v", units)
	}
}

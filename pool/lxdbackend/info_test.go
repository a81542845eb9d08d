package lxdbackend_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestAHolderSeesWhatItsInstanceDoes(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset", "config.limits.memory=256MiB")
	r.create(o)
	place := r.start(o)
	r.snapshot(o, "mine")
	info, err := r.b.Info(t.Context(), o)
	r.must(err)
	if info.Instance != o.Instance || info.Status != pool.Running || info.Type != pool.Container || info.Project != "default" || info.Architecture == "" {
		t.Errorf("it is %+v", info)
	}
	if info.PID == 0 || info.Processes == 0 || info.CPU == 0 || info.Created == nil || info.LastUsed == nil || info.LastUsed.Before(*info.Created) {
		t.Errorf("it does %+v", info)
	}
	if m := info.Memory; m == nil || m.Usage == 0 || m.Peak < m.Usage || m.Peak > 256<<20 {
		t.Errorf("its memory is %+v", m)
	}
	if len(info.Snapshots) != 1 || info.Snapshots[0].Name != "mine" {
		t.Errorf("its snapshots are %+v", info.Snapshots)
	}
	at := slices.IndexFunc(info.Network, func(n pool.NetworkInfo) bool { return n.Name == "eth0" })
	if at < 0 {
		t.Fatalf("its network is %+v", info.Network)
	}
	eth0 := info.Network[at]
	if eth0.MAC == "" || eth0.Host == "" || eth0.State != "up" || eth0.MTU == 0 || eth0.Received.Bytes == 0 || eth0.Sent.Packets == 0 {
		t.Errorf("its card is %+v", eth0)
	}
	if !slices.ContainsFunc(eth0.Addresses, func(a pool.NetworkAddress) bool {
		return a.Address == place.Addresses[0].Address && a.Scope == "global"
	}) {
		t.Errorf("its addresses are %+v", eth0.Addresses)
	}
}

func TestWhatLXDDoesNotKnowOfAStoppedInstanceIsLeftOut(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	info, err := r.b.Info(t.Context(), o)
	r.must(err)
	if info.Status != pool.Stopped || info.PID != 0 || info.Memory != nil || info.Network != nil || info.CPU != 0 || info.LastUsed != nil || len(info.Snapshots) != 0 {
		t.Errorf("it does %+v", info)
	}
	if log, err := r.b.Log(t.Context(), o); err != nil || len(log) != 0 {
		t.Errorf("it was never started, and its log is %q, %v", log, err)
	}
}

func TestTheLogsOfAnInstanceAreReadWhetherItRunsOrNot(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	r.start(o)
	r.run(o, "echo to the console >/dev/console")
	tells := func(want bool) {
		t.Helper()
		console, err := r.b.Console(t.Context(), o)
		if err != nil || strings.Contains(string(console), "to the console") != want {
			t.Errorf("its console tells %q, %v", console, err)
		}
		if _, err := r.b.Log(t.Context(), o); err != nil {
			t.Error(err)
		}
	}
	tells(true)
	tells(false) // nothing is new
	r.power(o, pool.PowerRequest{Action: pool.PowerPause})
	tells(false)
	r.power(o, force(pool.PowerStop))
	tells(true)
	gone := r.order(busybox)
	_, console := r.b.Console(t.Context(), gone)
	_, log := r.b.Log(t.Context(), gone)
	_, info := r.b.Info(t.Context(), gone)
	for what, err := range map[string]error{"console": console, "log": log, "info": info} {
		if !errors.Is(err, pool.ErrGone) {
			t.Errorf("%s of one that is gone: %v", what, err)
		}
	}
}

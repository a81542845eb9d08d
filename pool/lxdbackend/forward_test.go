package lxdbackend

import (
	"errors"
	"net/http"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

var twoPorts = []pool.Forward{{Listen: "10.0.0.1:20001", Port: 22}, {Listen: "10.0.0.1:20002", Port: 80}}

// What LXD says of a port is told as what is wrong with which one, and what to do.
func TestAPortThatLXDDoesNotForwardIsNamedWithWhatToDo(t *testing.T) {
	const starting = `Failed to start device "lxd-pool-forward-80": Error occurred when starting proxy device: Error: `
	for said, want := range map[string]struct {
		kind error
		text string
	}{
		starting + "Failed to listen on 10.0.0.1:20002: listen tcp 10.0.0.1:20002: bind: address already in use": {pool.ErrInUse,
			"cannot forward 10.0.0.1:20002: something has this port already; choose another port"},
		starting + "Failed to listen on 10.0.0.1:20002: listen tcp 10.0.0.1:20002: bind: cannot assign requested address": {pool.ErrInvalid,
			"cannot forward 10.0.0.1:20002: the host of LXD has no such address; name an address of that host"},
		`Failed checking if instance update allowed: Invalid device "lxd-pool-forward-22" on container "ci-x4x4-1" of project "p": Proxy devices are forbidden`: {pool.ErrRejected,
			`cannot forward 10.0.0.1:20001: Failed checking if instance update allowed: Invalid device "lxd-pool-forward-22" on container "ci-x4x4-1" of project "p": Proxy devices are forbidden; allow it with "lxc project set PROJECT restricted.devices.proxy allow"`},
		"no space left on device": {pool.ErrFailed, "cannot forward 10.0.0.1:20001: no space left on device"},
	} {
		err := newBackend(answering(said), Options{}).Forward(t.Context(), mine, twoPorts)
		if !errors.Is(err, want.kind) || err.Error() != want.text {
			t.Errorf("%q is told as %v", said, err)
		}
	}
}

// answering is an LXD that says these to changes, one after the other, and then
// does them.
func answering(said ...string) *faulty {
	return &faulty{answer: func(method, _ string, nth int) (any, error) {
		switch {
		case method != http.MethodPatch:
			in := row
			in.Type = string(api.InstanceTypeContainer)
			return in, nil
		case nth < len(said):
			return failed(said[nth]), nil
		}
		return api.Operation{StatusCode: api.Success}, nil
	}}
}

func TestLXDIsAskedAgainWhenItKeepsTheCauseToItself(t *testing.T) {
	const hidden = `Failed to start device "lxd-pool-forward-22": Error occurred when starting proxy device: Error: Failed to receive fd from listener process: Failed to receive file descriptor via abstract unix socket`
	if err := newBackend(answering(hidden), Options{}).Forward(t.Context(), mine, twoPorts); err != nil {
		t.Errorf("it was done the second time, and is told as %v", err)
	}
	busy := newBackend(answering(hidden, "bind: address already in use"), Options{})
	if err := busy.Forward(t.Context(), mine, twoPorts); !errors.Is(err, pool.ErrInUse) {
		t.Errorf("got %v", err)
	}
}

func TestNoPortLeadsToAVirtualMachine(t *testing.T) {
	f := &faulty{answer: func(string, string, int) (any, error) {
		in := row
		in.Type = string(api.InstanceTypeVM)
		return in, nil
	}}
	err := newBackend(f, Options{}).Forward(t.Context(), mine, twoPorts)
	if !errors.Is(err, pool.ErrUnsupported) || len(f.asked) != 1 {
		t.Errorf("got %v after %v", err, f.asked)
	}
}

func TestACopyHasNothingInPlaceOfWhatForwardsPorts(t *testing.T) {
	in := row
	in.Devices = map[string]map[string]string{
		"root":                {"type": "disk", "path": "/"},
		"lxd-pool-forward-22": {"type": "proxy", "listen": "tcp:10.0.0.1:20001"},
		"web":                 {"type": "proxy", "listen": "tcp:10.0.0.1:80"},
	}
	got := withoutForwards(&in)
	if len(got) != 3 || got["lxd-pool-forward-22"]["type"] != "none" || got["web"]["type"] != "proxy" || in.Devices["lxd-pool-forward-22"]["type"] != "proxy" {
		t.Errorf("it has %v", got)
	}
}

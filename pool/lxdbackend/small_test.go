package lxdbackend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestATailKeepsTheEndAsOneLine(t *testing.T) {
	kept := &tail{limit: 20}
	for i := range 100 {
		fmt.Fprintf(kept, "line %d\n\n", i)
	}
	if got := kept.line(); got != "97 | line 98 | line 99" && got != "line 98 | line 99" {
		t.Errorf("got %q", got)
	}
	if got := (&tail{limit: 20}).line(); got != "it said nothing" {
		t.Errorf("got %q", got)
	}
}

func TestAnAccountIsReadFromPasswd(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nalice:x:1001:100:A:/home/alice:/bin/ash\nbad:x:-1:0::/:/bin/sh\n"
	for user, want := range map[string]account{
		"alice": {"alice", "/home/alice", "/bin/ash", 1001, 100}, "1001": {"alice", "/home/alice", "/bin/ash", 1001, 100},
		"root": {"root", "/root", "/bin/sh", 0, 0},
	} {
		if got, ok := readAccount(passwd, user); !ok || got != want {
			t.Errorf("%s: %+v", user, got)
		}
	}
	for _, user := range []string{"bob", "bad", "broken", "4711"} {
		if got, ok := readAccount(passwd, user); ok {
			t.Errorf("%s: %+v", user, got)
		}
	}
}

func TestErrorsOfTheWireBlameLXDAndOthersTheInstance(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind error
	}{
		{&awayError{errors.New("EOF")}, pool.ErrUnavailable},
		{classify(api.StatusErrorf(503, "shutting down")), pool.ErrUnavailable},
		{classify(api.StatusErrorf(500, "Missing event connection with target cluster member")), pool.ErrUnavailable},
		{errLost, pool.ErrUnavailable},
		{context.DeadlineExceeded, pool.ErrUnavailable},
		{classify(api.StatusErrorf(404, "not found")), pool.ErrGone},
		{classify(api.StatusErrorf(500, "disk full")), pool.ErrFailed},
		{&operationError{"it broke"}, pool.ErrFailed},
	} {
		if err := fail(blame(c.err), "cannot act", c.err); !errors.Is(err, c.kind) || !errors.Is(err, c.err) {
			t.Errorf("%v becomes %v", c.err, err)
		}
	}
	err := fail(pool.ErrFailed, "cannot act", &awayError{fmt.Errorf("dial: %w", os.ErrPermission)})
	if !strings.Contains(err.Error(), `group "lxd"`) {
		t.Errorf("got %v", err)
	}
}

// rows answers every query with the same list.
type rows struct {
	lxd
	list []api.Instance
}

func (r rows) Query(context.Context, string, string, any) (*api.Response, error) {
	text, err := json.Marshal(r.list)
	return &api.Response{Metadata: text}, err
}

func TestAnInstanceWhoseMemberIsAwayIsListedAsUnknown(t *testing.T) {
	away := func(name string) api.Instance {
		return api.Instance{Name: name, Status: "Error", StatusCode: api.Error, Location: "two", Project: "p"}
	}
	b := newBackend(rows{list: []api.Instance{away("ci-x4x4-17"), away("web"), away("ci-template-abcdefgh"), {
		Name: "ci-x4x4-18", StatusCode: api.Ready, Config: map[string]string{tagManager: "m", tagPool: "ci"},
	}, {
		Name: "ci-x4x4-19", StatusCode: api.Running, Config: map[string]string{tagManager: "other", tagPool: "ci"},
	}, {
		Name: "ci-x4x4-20", StatusCode: api.Error, Config: map[string]string{tagManager: "M", tagPool: "ci"},
	}}}, Options{})
	list, err := b.List(t.Context(), "m")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if got := list[0]; got.Name != "ci-x4x4-17" || got.Pool != "ci" || got.Status != pool.Unknown || got.Place.Location != "two" {
		t.Errorf("it is listed as %+v", got)
	}
	if got := list[1]; got.Name != "ci-x4x4-18" || got.Status != pool.Running {
		t.Errorf("it is listed as %+v", got)
	}
}

func TestOnlyTheCardsThatLXDGaveCountForAddresses(t *testing.T) {
	in := &api.Instance{
		ExpandedDevices: map[string]map[string]string{
			"eth0": {"type": "nic"}, "eth1": {"type": "nic", "hwaddr": "00:16:3E:00:00:02"}, "root": {"type": "disk"},
		},
		ExpandedConfig: map[string]string{"volatile.eth0.hwaddr": "00:16:3e:00:00:01"},
	}
	global := func(address string) []api.InstanceStateNetworkAddress {
		return []api.InstanceStateNetworkAddress{
			{Family: "inet", Address: address, Scope: "global"}, {Family: "inet6", Address: "fe80::1", Scope: "link"},
		}
	}
	got := addresses(map[string]api.InstanceStateNetwork{
		"lo":      {Type: "loopback", Addresses: global("127.0.0.2")},
		"enp6s0":  {Hwaddr: "00:16:3e:00:00:02", Addresses: global("10.0.0.2")},
		"enp5s0":  {Hwaddr: "00:16:3e:00:00:01", Addresses: global("10.0.0.1")},
		"docker0": {Hwaddr: "02:42:00:00:00:01", Addresses: global("172.17.0.1")},
	}, macs(in))
	want := []pool.Address{{Family: "inet", Address: "10.0.0.1", Interface: "enp5s0"}, {Family: "inet", Address: "10.0.0.2", Interface: "enp6s0"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v", got)
	}
}

func TestOptionsThatCannotBeRightAreRefused(t *testing.T) {
	for _, o := range []Options{
		{URL: "https://lxd.example:8443"}, {ClientCert: "x"}, {URL: "https://lxd.example:8443", ClientCert: "x", ClientKey: "y"},
	} {
		if _, err := Open(t.Context(), o); !errors.Is(err, pool.ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A snap cannot tell its user to join a group: what helps there is the daemon's to say.
func TestWhatHelpsAgainstAnLXDThatCannotBeReachedIsTheDaemonsToSay(t *testing.T) {
	b, err := Open(t.Context(), Options{Dir: t.TempDir(), Remedy: func(err error) string {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("asked about %v", err)
		}
		return "connect it"
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.List(t.Context(), "m1"); !errors.Is(err, pool.ErrUnavailable) || !strings.HasSuffix(err.Error(), "; connect it") {
		t.Errorf("got %v", err)
	}
}

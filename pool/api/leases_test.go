package api_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestTheNamesOfALeaseAreFixed(t *testing.T) {
	g := pool.Grant{
		Lease: &pool.Lease{
			ID: "ci.x", Pool: "ci", Instance: "ci-1", Holder: "user:alice", Created: time.Unix(1, 0), Expires: time.Unix(2, 0), Fence: 3,
			Request: "secret-request", Env: map[string]string{"KEY": "secret-env"}, Secrets: [][]byte{[]byte("secret-sum")},
		},
		Instance: &pool.Instance{Name: "ci-1", Place: pool.Place{Project: "default", Location: "none",
			Addresses: []pool.Address{{Family: "inet", Address: "10.0.0.2", Interface: "eth0"}}}},
		Token: "lpt_x",
	}
	text, err := json.Marshal(api.NewLease(g))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"addresses", "created", "expires", "fence", "holder", "id", "instance", "location", "pool", "project", "purpose", "token"}
	if !slices.Equal(names, want) {
		t.Errorf("the names are %v", names)
	}
	if strings.Contains(string(text), "secret") || strings.Contains(string(text), "c2VjcmV0") {
		t.Errorf("it tells a secret: %s", text)
	}
	if address := fields["addresses"].([]any)[0]; !reflect.DeepEqual(address, map[string]any{"family": "inet", "address": "10.0.0.2", "interface": "eth0"}) {
		t.Errorf("an address is %v", address)
	}
}

func TestAnAcquireArrivesAsItWasSent(t *testing.T) {
	for _, wait := range []pool.Duration{0, pool.Duration(1500 * time.Millisecond), pool.Duration(time.Hour), pool.WaitForever} {
		sent := pool.AcquireRequest{Pool: "ci", Holder: "root", Request: "r", Count: 2, TTL: pool.Duration(time.Minute),
			Wait: wait, Priority: -3, Purpose: "p", Env: map[string]string{"A": "b"},
			Settings: pool.Settings{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 22}}}}
		text, err := json.Marshal(api.NewAcquire(sent))
		if err != nil {
			t.Fatal(err)
		}
		var body api.Acquire
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatal(err)
		}
		if got := body.For("ci", "root"); !reflect.DeepEqual(got, sent) {
			t.Errorf("%+v arrives as %+v", sent, got)
		}
	}
}

func FuzzAnAcquireIsAWishOrRefused(f *testing.F) {
	f.Add([]byte(`{"count":3,"ttl":"30m","wait":60,"priority":1,"purpose":"p","env":{"A":"b"},"request":"r"}`))
	f.Add([]byte(`{"wait":-1}`))
	f.Add([]byte(`{"wait":1e300,"ttl":"-1s"}`))
	f.Add([]byte(`{"ttl":"100000000d"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var body api.Acquire
		if json.Unmarshal(text, &body) != nil {
			return
		}
		wish := body.For("ci", "user:alice")
		if wish.Pool != "ci" || wish.Holder != "user:alice" {
			t.Fatalf("the body decides who asks: %+v", wish)
		}
		if wish.Wait < 0 && wish.Wait != pool.WaitForever || wish.TTL < 0 {
			t.Fatalf("%s means %+v", text, wish)
		}
	})
}

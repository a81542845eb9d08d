package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// theUnit is a holder who never comes by itself.
const theUnit pool.Identity = "juju:lease:3/web/0"

func TestAnOperatorAcquiresForAHolderWhoIsNamedEverywhere(t *testing.T) {
	inBench(t, pool.Spec{Size: 2, Max: 2}, func(b *bench) {
		root, seen := b.as("root", ""), b.listen("root", "ci")
		lease := b.acquire("root", pool.AcquireRequest{Holder: theUnit, Request: "r1"})
		if lease.Holder != theUnit {
			t.Fatalf("the holder is %s", lease.Holder)
		}
		if again := b.acquire("root", pool.AcquireRequest{Holder: theUnit, Request: "r1"}); again.ID != lease.ID {
			t.Errorf("asked again it is %s, not %s", again.ID, lease.ID)
		}
		if own := b.acquire("root", pool.AcquireRequest{Request: "r1"}); own.Holder != "root" || own.ID == lease.ID {
			t.Errorf("one's own is %+v", own)
		}
		shown, err := root.Lease(b.Context(), lease.ID)
		if err != nil || shown.Holder != theUnit || shown.Request != "r1" {
			t.Errorf("it is shown as %+v, %v", shown, err)
		}
		list, err := root.LeasesOf(b.Context(), theUnit)
		if err != nil || len(list) != 1 || list[0].ID != lease.ID || list[0].Request != "r1" {
			t.Errorf("its leases are %+v, %v", list, err)
		}
		why, err := root.Why(b.Context(), string(lease.ID))
		if err != nil || !strings.Contains(fmt.Sprint(why), string(theUnit)) {
			t.Errorf("why %s says %+v, %v", lease.ID, why, err)
		}
		if why, err := root.Why(b.Context(), "ci"); err != nil || !strings.Contains(fmt.Sprint(why), string(theUnit)) {
			t.Errorf("why ci says %+v, %v", why, err)
		}
		if heard := seen(); !slices.ContainsFunc(heard, func(e pool.Event) bool { return e.Lease == lease.ID && e.Holder == theUnit }) {
			t.Errorf("the events are %+v", heard)
		}
	})
}

func TestWhoNamesAHolderMustBeAnOperatorWithoutALimit(t *testing.T) {
	inBench(t, pool.Spec{Size: 5}, func(b *bench) {
		limited := b.token(pool.NewToken{Name: "limited", Role: pool.TokenOperator, MaxLeases: 2})
		bound := b.token(pool.NewToken{Name: "bound", Role: pool.TokenOperator, Pools: []pool.PoolName{"ci"}})
		consumer := b.token(pool.NewToken{Role: pool.TokenConsumer})
		for name, c := range map[string]*client.Client{
			"a consumer":                  b.as("user:alice", ""),
			"a consumer's token":          b.as("user:eve", consumer),
			"an operator's for two":       b.as("user:eve", limited),
			"somebody who may not at all": b.as("user:eve", ""),
		} {
			_, err := c.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Holder: theUnit})
			if !errors.Is(err, pool.ErrForbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if leases, err := b.as("user:eve", bound).Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Holder: theUnit}); err != nil || leases[0].Holder != theUnit {
			t.Errorf("an operator of the pool: %+v, %v", leases, err)
		}
		for _, bad := range []pool.Identity{"root", "user:alice", "uid:7", "token:consumer", "nobody", "job:a b"} {
			if _, err := b.as("root", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Holder: bad}); !errors.Is(err, pool.ErrInvalid) {
				t.Errorf("for %q: %v", bad, err)
			}
		}
		if got := b.counts(); got.Leased != 1 {
			t.Errorf("the counts are %+v", got)
		}
	})
}

func TestLeasesAreFoundByTheirHolderAndRequest(t *testing.T) {
	inBench(t, pool.Spec{Size: 6}, func(b *bench) {
		ids := map[pool.LeaseID]string{
			b.acquire("root", pool.AcquireRequest{Holder: theUnit, Request: "r1"}).ID: "unit's first",
			b.acquire("root", pool.AcquireRequest{Holder: theUnit, Request: "r2"}).ID: "unit's second",
			b.acquire("root", pool.AcquireRequest{Request: "r1"}).ID:                  "root's",
			b.acquire("user:alice", pool.AcquireRequest{Request: "r1"}).ID:            "alice's",
		}
		for _, c := range []struct {
			who    pool.Identity
			filter client.LeaseFilter
			want   []string
		}{
			{"root", client.LeaseFilter{}, []string{"alice's", "root's", "unit's first", "unit's second"}},
			{"root", client.LeaseFilter{Holder: theUnit}, []string{"unit's first", "unit's second"}},
			{"root", client.LeaseFilter{Holder: theUnit, Pool: "ci", Request: "r1"}, []string{"unit's first"}},
			{"root", client.LeaseFilter{Holder: theUnit, Mine: true}, nil},
			{"root", client.LeaseFilter{Holder: "job:none"}, nil},
			{"root", client.LeaseFilter{Request: "r1"}, []string{"root's"}},
			{"user:alice", client.LeaseFilter{Holder: "user:alice"}, []string{"alice's"}},
			{"user:alice", client.LeaseFilter{Holder: theUnit}, nil},
			{"user:bob", client.LeaseFilter{Holder: "user:alice", Request: "r1"}, nil},
		} {
			list, err := b.as(c.who, "").FindLeases(b.Context(), c.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range list {
				got = append(got, ids[l.ID])
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s finds with %+v: %q", c.who, c.filter, got)
			}
		}
	})
}

func TestOnlyOperatorsSeeTheRequestOfALease(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{Request: "build-4711"})
		for who, sees := range map[pool.Identity]bool{"root": true, "user:alice": false} {
			for _, path := range []string{api.OpGetLease.Route().At(string(lease.ID)), "/1.0/leases", "/1.0/pools/ci/leases"} {
				got := b.ask(ask{who: who, method: "GET", path: path})
				if got.status != 200 || strings.Contains(got.body, `"request":"build-4711"`) != sees {
					t.Errorf("%s tells %s: %s", path, who, got.body)
				}
			}
		}
		if got := b.ask(ask{who: "user:eve", token: lease.Token, method: "GET", path: api.OpGetLease.Route().At(string(lease.ID))}); strings.Contains(got.body, "build-4711") {
			t.Errorf("whoever has the token is told: %s", got.body)
		}
	})
}

func TestOnlyOperatorsForwardPortsOfTheHost(t *testing.T) {
	inBench(t, pool.Spec{Size: 2}, func(b *bench) {
		wish := pool.AcquireRequest{Pool: "ci", Settings: pool.Settings{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 22}}}}
		for _, c := range []*client.Client{
			b.as("user:alice", ""), b.as("user:eve", b.token(pool.NewToken{Role: pool.TokenConsumer})),
			b.as("user:eve", b.token(pool.NewToken{Role: pool.TokenOperator, Pools: []pool.PoolName{"ci"}})),
		} {
			if _, err := c.Acquire(b.Context(), wish); !errors.Is(err, pool.ErrForbidden) {
				t.Errorf("somebody else: %v", err)
			}
		}
		lease := b.acquire("root", wish)
		shown, err := b.as("user:eve", lease.Token).Lease(b.Context(), lease.ID)
		if err != nil || !slices.Equal(shown.Forwards, wish.Settings.Forwards) || !slices.Equal(lease.Forwards, wish.Settings.Forwards) {
			t.Errorf("the lease has %v and shows %+v, %v", lease.Forwards, shown, err)
		}
	})
}

package server_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// token makes a named token.
func (b *bench) token(n pool.NewToken) pool.Token {
	b.Helper()
	if n.Name == "" {
		n.Name = string(n.Role)
	}
	made, err := b.as("root", "").CreateToken(b.Context(), n)
	if err != nil {
		b.Fatal(err)
	}
	return made.Token
}

// named are ways to come with a named token, over a connection of nobody. Next
// to each is the status that it gets from the routes of an access rule; 0: in.
var named = []struct {
	name    string
	token   func(*bench) pool.Token
	refused map[api.Access]int
}{
	{"an operator's", func(b *bench) pool.Token { return b.token(pool.NewToken{Role: pool.TokenOperator}) }, map[api.Access]int{}},
	{"a consumer's", func(b *bench) pool.Token { return b.token(pool.NewToken{Role: pool.TokenConsumer}) },
		map[api.Access]int{api.Holders: 404, api.Operators: 403}},
	{"a viewer's", func(b *bench) pool.Token { return b.token(pool.NewToken{Role: pool.TokenViewer}) },
		map[api.Access]int{api.Holders: 404, api.Operators: 403}},
	{"an operator's of another pool", func(b *bench) pool.Token {
		return b.token(pool.NewToken{Role: pool.TokenOperator, Pools: []pool.PoolName{"other"}})
	}, map[api.Access]int{api.Holders: 404, api.Operators: 403}},
	{"a revoked one", func(b *bench) pool.Token {
		t := b.token(pool.NewToken{Role: pool.TokenOperator})
		if _, err := b.m.RevokeToken(b.Context(), "operator", "root", false); err != nil {
			b.Fatal(err)
		}
		return t
	}, map[api.Access]int{api.Anyone: 401, api.Consumers: 401, api.Holders: 401, api.Operators: 401}},
	{"an expired one", func(b *bench) pool.Token {
		t := b.token(pool.NewToken{Role: pool.TokenOperator, Expires: pool.Duration(time.Minute)})
		time.Sleep(time.Minute)
		return t
	}, map[api.Access]int{api.Anyone: 401, api.Consumers: 401, api.Holders: 401, api.Operators: 401}},
	{"an unknown one", func(*bench) pool.Token { return pool.Token("lpn_" + strings.Repeat("0", 64)) },
		map[api.Access]int{api.Anyone: 401, api.Consumers: 401, api.Holders: 401, api.Operators: 401}},
}

func TestEveryRouteLetsInWhomANamedTokenAdmits(t *testing.T) {
	for i := range api.Routes {
		route := &api.Routes[i]
		for _, v := range named {
			t.Run(string(route.Operation)+"/"+v.name, func(t *testing.T) {
				inBench(t, pool.Spec{Size: 2, Publish: pool.PublishHolders}, func(b *bench) {
					lease := b.acquire("user:alice", pool.AcquireRequest{})
					command := b.furnish(lease)
					if _, err := b.m.CreateSnapshot(b.Context(), lease.ID, aSnapshot); err != nil {
						b.Fatal(err)
					}
					token := v.token(b)
					want := v.refused[route.Access]
					switch {
					case v.name == "a viewer's" && route.Operation == api.OpAcquire:
						want = 403
					case v.name == "an operator's of another pool" && route.Access != api.Holders && strings.Contains(route.Path, "{pool}"):
						want = 404
					case v.name == "an operator's of another pool" && route.Operation == api.OpGetMetrics:
						want = 403
					case v.name == "an operator's of another pool" && route.Operation == api.OpWhy:
						want = 404
					case want == 0:
						want = welcome(route)
					}
					got := b.ask(ask{who: "user:eve", token: token, method: route.Method, path: pathOf(route, lease, command), body: bodies[route.Operation]})
					if got.status != want {
						b.Fatalf("got %d, not %d: %s", got.status, want, got.body)
					}
					if strings.Contains(b.log.String(), "lpn_") {
						b.Error("the log has the secret")
					}
				})
			})
		}
	}
}

func TestARevokedOrExpiredTokenEndsWhatItsUsersHaveUnderWay(t *testing.T) {
	for _, revoke := range []bool{true, false} {
		inBench(t, pool.Spec{Size: 1, Max: 1}, func(b *bench) {
			c := b.as("user:eve", b.token(pool.NewToken{Role: pool.TokenConsumer, Expires: pool.Duration(time.Hour)}))
			leases, err := c.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", TTL: pool.Duration(2 * time.Hour)})
			if err != nil || leases[0].Holder != "token:consumer" {
				t.Fatal(leases, err)
			}
			var all sync.WaitGroup
			ended := func(what string, do func() error) {
				all.Go(func() {
					if err := do(); !errors.Is(err, pool.ErrForbidden) || !strings.Contains(err.Error(), "expired or revoked") {
						t.Errorf("%s ended with %v", what, err)
					}
				})
			}
			ended("waiting", func() error {
				_, err := c.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
				return err
			})
			ended("a command", func() error {
				_, err := c.Exec(b.Context(), leases[0].ID, pool.Command{Args: []string{"sleep", "infinity"}})
				return err
			})
			all.Go(func() {
				for _, err := range c.Watch(b.Context(), "ci") {
					if err != nil {
						return
					}
				}
			})
			b.settle()
			if got := b.counts().Waiting; got != 1 {
				t.Fatalf("%d wait", got)
			}
			if revoke {
				if _, err := b.as("root", "").RevokeToken(b.Context(), "consumer", false); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			} else {
				time.Sleep(time.Hour)
			}
			before := time.Now()
			all.Wait()
			if late := time.Since(before); late > time.Second {
				t.Errorf("that took %s", late)
			}
			if got := b.counts(); got.Waiting != 0 || got.Leased != 1 {
				t.Errorf("after it: %+v", got)
			}
			if _, err := b.as("user:eve", leases[0].Token).Renew(b.Context(), leases[0].ID, 0); err != nil {
				t.Errorf("its lease: %v", err)
			}
			if _, err := b.as("root", "").RevokeToken(b.Context(), "consumer", true); err != nil {
				t.Fatal(err)
			}
			if l, err := b.m.Lease(b.Context(), leases[0].ID); err != nil || l.Lease.Ended == nil || l.Lease.Ended.Cause != pool.Revoked {
				t.Errorf("its lease did not go with it: %+v, %v", l.Lease, err)
			}
		})
	}
}

func TestATokenGetsNoMoreLeasesThanItMay(t *testing.T) {
	inBench(t, pool.Spec{Size: 8}, func(b *bench) {
		if _, err := b.m.CreatePool(b.Context(), "other", pool.Spec{Image: image, Size: 8}); err != nil {
			t.Fatal(err)
		}
		b.settle()
		c := b.as("user:eve", b.token(pool.NewToken{Role: pool.TokenConsumer, MaxLeases: 5}))
		var mu sync.Mutex
		var got []*api.Lease
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				leases, err := c.Acquire(b.Context(), pool.AcquireRequest{Pool: []pool.PoolName{"ci", "other"}[i%2], Wait: pool.WaitForever})
				mu.Lock()
				defer mu.Unlock()
				got = append(got, leases...)
				if err != nil && !errors.Is(err, pool.ErrLimit) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(got) != 5 {
			t.Fatalf("it got %d", len(got))
		}
		if _, err := b.as("user:eve", got[0].Token).Fork(b.Context(), pool.ForkRequest{Lease: got[0].ID}); !errors.Is(err, pool.ErrLimit) {
			t.Errorf("a fork: %v", err)
		}
		if _, err := c.Release(b.Context(), got[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Count: 2}); !errors.Is(err, pool.ErrLimit) {
			t.Errorf("two for the place of one: %v", err)
		}
		if _, err := c.Acquire(b.Context(), pool.AcquireRequest{Pool: "ci"}); err != nil {
			t.Errorf("after a release: %v", err)
		}
		b.settle() // connections that were made and not needed
	})
}

func TestATokenForSomePoolsIsToldOfNoOther(t *testing.T) {
	for _, role := range []pool.TokenRole{pool.TokenOperator, pool.TokenConsumer, pool.TokenViewer} {
		inBench(t, pool.Spec{Size: 1}, func(b *bench) {
			if _, err := b.m.CreatePool(b.Context(), "mine", pool.Spec{Image: image}); err != nil {
				t.Fatal(err)
			}
			lease := b.acquire("user:alice", pool.AcquireRequest{})
			token := b.token(pool.NewToken{Role: role, Pools: []pool.PoolName{"mine"}})
			for _, path := range []string{"/1.0/pools", "/1.0/leases", "/1.0/instances", "/1.0/why", "/1.0/pools/ci", "/1.0/pools/ci/leases",
				"/1.0/instances?pool=ci", "/1.0/events?pool=ci", "/1.0/why/ci", "/1.0/why/" + string(lease.ID), "/1.0/why/" + string(lease.Instance)} {
				got := b.ask(ask{who: "root", token: token, method: "GET", path: path})
				if got.status != 200 && got.status != 404 || strings.Contains(got.body, "user:alice") || got.status == 200 && strings.Contains(got.body, `"ci`) {
					t.Errorf("%s tells %s: %d %s", path, role, got.status, got.body)
				}
			}
			if got := b.ask(ask{who: "root", token: token, method: "GET", path: "/1.0/pools/mine"}); got.status != 200 {
				t.Errorf("its own pool: %d %s", got.status, got.body)
			}
			if !strings.Contains(b.log.String(), "identity=token:"+string(role)) {
				t.Error("the log does not say who asked")
			}
		})
	}
}

func TestNoTokenMakesAMightierOne(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		c := b.as("user:eve", b.token(pool.NewToken{Role: pool.TokenOperator, MaxLeases: 2, Expires: pool.Duration(time.Hour)}))
		for name, n := range map[string]pool.NewToken{
			"lasts longer": {Role: pool.TokenViewer, MaxLeases: 1},
			"has more":     {Role: pool.TokenConsumer, MaxLeases: 3, Expires: pool.Duration(time.Minute)},
			"has any":      {Role: pool.TokenConsumer, Expires: pool.Duration(time.Minute)},
		} {
			n.Name = strings.ReplaceAll(name, " ", "-")
			if _, err := c.CreateToken(b.Context(), n); !errors.Is(err, pool.ErrForbidden) {
				t.Errorf("one that %s: %v", name, err)
			}
		}
		lesser := pool.NewToken{Name: "lesser", Role: pool.TokenOperator, MaxLeases: 2, Expires: pool.Duration(time.Minute)}
		if _, err := c.CreateToken(b.Context(), lesser); err != nil {
			t.Error(err)
		}
		if _, err := c.CreateToken(b.Context(), lesser); !errors.Is(err, pool.ErrExists) {
			t.Errorf("the same name: %v", err)
		}
		if got := b.ask(ask{who: "root", method: http.MethodGet, path: "/1.0/tokens"}); strings.Contains(got.body, "lpn_") || strings.Contains(got.body, "sum") {
			t.Errorf("the list tells secrets: %s", got.body)
		}
	})
}

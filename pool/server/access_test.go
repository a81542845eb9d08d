package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// visitor is a way to come: as somebody, and with what.
type visitor struct {
	name  string
	who   pool.Identity
	token func(alices *api.Lease) pool.Token
}

func noToken(*api.Lease) pool.Token    { return "" }
func herToken(l *api.Lease) pool.Token { return l.Token }
func badToken(*api.Lease) pool.Token   { return "lpt_AAAAAAAAAAAAAAAAAAAAAAAAAA" }

var visitors = []visitor{
	{"root", "root", noToken},
	{"alice, whose lease it is", "user:alice", noToken},
	{"bob, another consumer", "user:bob", noToken},
	{"bob with her token", "user:bob", herToken},
	{"eve, who is nobody", "user:eve", noToken},
	{"eve with her token", "user:eve", herToken},
	{"eve with a wrong token", "user:eve", badToken},
}

// refusals is the status that each visitor gets from the routes of an access
// rule; 0: the visitor is let in.
var refusals = map[api.Access][7]int{
	api.Anyone:    {0, 0, 0, 0, 0, 0, 0},
	api.Consumers: {0, 0, 0, 0, 403, 403, 403},
	api.Holders:   {0, 0, 404, 0, 404, 0, 404},
	api.Operators: {0, 403, 403, 403, 403, 403, 403},
}

// bodies are what routes want to be sent.
var bodies = map[api.Operation]string{
	api.OpCreatePool:       `{"name":"new","spec":{"image":"` + image + `","size":0}}`,
	api.OpPutPool:          `{"image":"` + image + `","size":1}`,
	api.OpPatchPool:        `{"set":{"size":"1"}}`,
	api.OpAcquire:          `{"wait":30}`,
	api.OpRenewLease:       `{"ttl":"30m"}`,
	api.OpAddRemote:        `{"name":"new","url":"https://toys.example","protocol":"simplestreams"}`,
	api.OpPatchRemote:      `{"url":"https://games.example"}`,
	api.OpCopyImage:        `{"remote":"ubuntu","image":"24.04"}`,
	api.OpPublishInstance:  `{"instance":"nope"}`,
	api.OpPatchImage:       `{"properties":{"os":"toy"}}`,
	api.OpCreateImageAlias: `{"name":"new","image":"ci"}`,
	api.OpPublish:          `{}`,
	api.OpHoldLease:        `{"for":"1h","reason":"a look"}`,
	api.OpForkLease:        `{}`,

	api.OpDetach:        `{"args":["true"]}`,
	api.OpSignalCommand: `{"signal":15}`,
	api.OpPushTree:      strings.Repeat("\x00", 1024), // a tar stream of nothing

	api.OpCreateProfile:  `{"name":"new"}`,
	api.OpPutProfile:     `{"description":"the first"}`,
	api.OpPatchProfile:   `{"set":{"description":"the first"}}`,
	api.OpPower:          `{"action":"restart"}`,
	api.OpMove:           `{"target":"sim2"}`,
	api.OpCreateSnapshot: `{}`,
	api.OpInitProject:    `{"name":"pools"}`,
	api.OpCreateToken:    `{"name":"new","role":"viewer"}`,
}

func TestEveryRouteLetsInWhomItsAccessNames(t *testing.T) {
	for _, route := range api.Routes {
		for i, v := range visitors {
			t.Run(string(route.Operation)+"/"+v.name, func(t *testing.T) {
				inBench(t, pool.Spec{Size: 2, Publish: pool.PublishHolders}, func(b *bench) {
					lease := b.acquire("user:alice", pool.AcquireRequest{})
					command := b.furnish(lease)
					if _, err := b.m.CreateSnapshot(b.Context(), lease.ID, aSnapshot); err != nil {
						b.Fatal(err)
					}
					want := refusals[route.Access][i]
					if want == 0 {
						want = welcome(&route)
					}
					got := b.ask(ask{who: v.who, token: v.token(lease), method: route.Method, path: pathOf(&route, lease, command), body: bodies[route.Operation]})
					if got.status != want {
						b.Fatalf("got %d, not %d: %s", got.status, want, got.body)
					}
				})
			})
		}
	}
}

// furnish makes the other things that are called as the pool is, and a command
// that runs in a lease.
func (b *bench) furnish(lease *api.Lease) pool.CommandID {
	toys := pool.NewRemote{Name: "ci", URL: "https://toys.example", Protocol: pool.Simplestreams}
	if _, err := b.m.AddRemote(b.Context(), toys); err != nil {
		b.Fatal(err)
	}
	file := pool.ImportImage{NewImage: pool.NewImage{Aliases: []string{"ci"}}, Metadata: strings.NewReader("\x1f\x8b")}
	if _, err := b.m.ImportImage(b.Context(), file); err != nil {
		b.Fatal(err)
	}
	if _, _, err := b.m.CreateToken(b.Context(), pool.NewToken{Name: "ci", Role: pool.TokenViewer}, "root", nil); err != nil {
		b.Fatal(err)
	}
	d, err := b.m.Detach(b.Context(), lease.ID, pool.Command{Args: []string{"sleep", "infinity"}})
	if err != nil {
		b.Fatal(err)
	}
	return d.ID
}

// welcome is the status for those who are let in.
func welcome(route *api.Route) int {
	switch {
	case route.Operation == api.OpExec:
		return http.StatusUpgradeRequired // no websocket is asked for here
	case route.Operation == api.OpDeletePool:
		return http.StatusConflict // there is a lease
	case route.Operation == api.OpPublishInstance:
		return http.StatusNotFound
	case route.Operation == api.OpImportImage, route.Operation == api.OpRefreshImage:
		return http.StatusBadRequest // no form is sent, and the image came from nowhere
	case route.Operation == api.OpDeleteProfile, route.Operation == api.OpDeleteProject:
		return http.StatusConflict // a pool uses it
	}
	return max(route.Status, http.StatusOK)
}

// aSnapshot is one that the lease of the path has.
const aSnapshot = "before"

func pathOf(route *api.Route, lease *api.Lease, command pool.CommandID) string {
	switch {
	case strings.Contains(route.Path, "{command}"):
		return route.At(string(lease.ID), string(command))
	case strings.Contains(route.Path, "{snapshot}"):
		return route.At(string(lease.ID), aSnapshot)
	case route.Operation == api.OpPushTree:
		return route.At(string(lease.ID)) + "?path=/srv"
	case strings.Contains(route.Path, "/files"):
		return route.At(string(lease.ID)) + "?path=/etc/hostname"
	case strings.Contains(route.Path, "{lease}"):
		return route.At(string(lease.ID))
	case strings.Contains(route.Path, "{profile}"), strings.Contains(route.Path, "{project}"):
		return route.At("default")
	case strings.Contains(route.Path, "{"):
		return route.At("ci")
	}
	return route.Path
}

func TestEveryAccessRuleIsTested(t *testing.T) {
	used := map[api.Access]bool{}
	for _, r := range api.Routes {
		used[r.Access] = true
		if _, ok := refusals[r.Access]; !ok {
			t.Errorf("%s has the unknown access %q", r.Operation, r.Access)
		}
	}
	if len(used) != len(refusals) {
		t.Errorf("the routes use %v", used)
	}
}

func TestOnlyOperatorsRevoke(t *testing.T) {
	want := [7]int{200, 403, 404, 403, 404, 403, 404}
	for i, v := range visitors {
		t.Run(v.name, func(t *testing.T) {
			inBench(t, pool.Spec{Size: 1}, func(b *bench) {
				lease := b.acquire("user:alice", pool.AcquireRequest{})
				got := b.ask(ask{who: v.who, token: v.token(lease), method: "DELETE", path: "/1.0/leases/" + string(lease.ID) + "?reason=because"})
				if got.status != want[i] {
					b.Fatalf("got %d, not %d: %s", got.status, want[i], got.body)
				}
				shown, err := b.m.Lease(b.Context(), lease.ID)
				if err != nil {
					b.Fatal(err)
				}
				if ended := shown.Lease.Ended; (ended != nil) != (want[i] == 200) || ended != nil && (ended.Cause != pool.Revoked || ended.Reason != "because") {
					b.Fatalf("its end is %+v", ended)
				}
			})
		})
	}
}

func TestAHolderMovesItsInstanceOnlyWhereThePoolsOwnerLeavesItOpen(t *testing.T) {
	for _, c := range []struct {
		who    pool.Identity
		target string // of the pool
		to     string
		want   int
	}{
		{"user:alice", "", `{"target":"sim2"}`, http.StatusOK},
		{"user:alice", "sim", `{"target":"sim2"}`, http.StatusForbidden},
		{"user:alice", "", `{"remote":"lab"}`, http.StatusForbidden},
		{"user:alice", "", `{"remote":"local"}`, http.StatusForbidden},
		{"root", "sim", `{"target":"sim2"}`, http.StatusOK},
		{"root", "", `{"remote":"lab"}`, http.StatusOK},
	} {
		inBench(t, pool.Spec{Size: 1, Target: c.target}, func(b *bench) {
			if _, err := b.m.AddRemote(b.Context(), pool.NewRemote{Name: "lab", URL: "https://lab.example:8443", Token: "t"}); err != nil {
				b.Fatal(err)
			}
			lease := b.acquire("user:alice", pool.AcquireRequest{})
			got := b.ask(ask{who: c.who, method: "POST", path: "/1.0/leases/" + string(lease.ID) + "/move", body: c.to})
			if got.status != c.want {
				b.Errorf("%+v: got %d: %s", c, got.status, got.body)
			}
		})
	}
}

func TestAForeignLeaseIsAnsweredAsAnUnknownOne(t *testing.T) {
	inBench(t, pool.Spec{Size: 3}, func(b *bench) {
		running := b.acquire("user:alice", pool.AcquireRequest{})
		ended := b.acquire("user:alice", pool.AcquireRequest{})
		if _, err := b.as("user:alice", "").Release(b.Context(), ended.ID); err != nil {
			b.Fatal(err)
		}
		for _, v := range []ask{{who: "user:bob"}, {who: "user:eve"}, {who: "user:eve", token: "lpt_wrong"}} {
			for _, route := range api.Routes {
				if route.Access != api.Holders {
					continue
				}
				answers := map[string]string{}
				for _, id := range []pool.LeaseID{running.ID, ended.ID, "ci.0000000000", "nope.0000000000", "nonsense"} {
					a := v
					a.method, a.path, a.body = route.Method, route.At(string(id)), bodies[route.Operation]
					got := b.ask(a)
					if got.status != http.StatusNotFound {
						b.Errorf("%s of %s for %s: %d", route.Operation, id, v.who, got.status)
					}
					answers[strings.ReplaceAll(got.body, string(id), "ID")] = string(id)
				}
				if len(answers) != 1 {
					b.Errorf("%s tells %s apart: %v", route.Operation, v.who, answers)
				}
			}
		}
	})
}

func TestAConsumerSeesOnlyWhatIsTheirs(t *testing.T) {
	inBench(t, pool.Spec{Size: 1, Max: 3, Config: map[string]string{"user.password": "hunter2"}, Setup: "echo hunter2"}, func(b *bench) {
		hers := b.acquire("user:alice", pool.AcquireRequest{Purpose: "her secret plan"})
		b.acquire("root", pool.AcquireRequest{Purpose: "the secret plan of root", Wait: pool.WaitForever})
		his := b.acquire("user:bob", pool.AcquireRequest{Wait: pool.WaitForever})
		go b.as("user:alice", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
		b.settle()
		for _, path := range []string{
			"/1.0/leases", "/1.0/leases?mine=true", "/1.0/leases?request=r", "/1.0/pools/ci/leases", "/1.0/instances", "/1.0/instances?pool=ci",
			"/1.0/pools", "/1.0/pools/ci", "/1.0/why", "/1.0/why/ci", "/1.0/health", "/metrics",
		} {
			got := b.ask(ask{who: "user:bob", method: "GET", path: path})
			if got.status != 200 {
				b.Errorf("%s: %d %s", path, got.status, got.body)
			}
			for _, secret := range []string{"alice", "secret plan", "hunter2", string(hers.ID), string(hers.Instance)} {
				if strings.Contains(got.body, secret) {
					b.Errorf("%s tells bob %q: %s", path, secret, got.body)
				}
			}
		}
		for path, count := range map[string]int{"/1.0/leases": 1, "/1.0/pools/ci/leases": 1, "/1.0/instances": 1} {
			var list []any
			if err := json.Unmarshal([]byte(b.ask(ask{who: "user:bob", method: "GET", path: path}).body), &list); err != nil || len(list) != count {
				b.Errorf("%s has %d of bob's own (%v)", path, len(list), err)
			}
		}
		for _, subject := range []string{string(his.ID), string(his.Instance), "ci"} {
			if got := b.ask(ask{who: "user:bob", method: "GET", path: "/1.0/why/" + subject}); got.status != 200 {
				b.Errorf("why %s: %d %s", subject, got.status, got.body)
			}
		}
		for _, subject := range []string{string(hers.ID), string(hers.Instance), "nope"} {
			got := b.ask(ask{who: "user:bob", method: "GET", path: "/1.0/why/" + subject})
			if p := b.problem(got); p.Code != "no-instance" || strings.Contains(p.Detail, "alice") {
				b.Errorf("why %s: %+v", subject, p)
			}
		}
		if got := b.ask(ask{who: "root", method: "GET", path: "/1.0/why/ci"}); !strings.Contains(got.body, "her secret plan") {
			b.Errorf("root is not told who has what: %s", got.body)
		}
		if err := b.m.DisablePool(b.Context(), "ci"); err != nil {
			b.Fatal(err)
		}
		b.settle()
	})
}

func TestATokenIsNeverLogged(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{Env: map[string]string{"KEY": "hunter2"}})
		eve := b.as("user:eve", lease.Token)
		if _, err := eve.Renew(b.Context(), lease.ID, 0); err != nil {
			b.Fatal(err)
		}
		if _, err := b.as("user:eve", "lpt_wrong").Renew(b.Context(), lease.ID, 0); err == nil {
			b.Fatal("a wrong token was accepted")
		}
		b.ask(ask{who: "root", method: "GET", path: "/1.0/openapi.json"})
		eve.Exec(b.Context(), lease.ID, pool.Command{Args: []string{"true"}})
		synctest.Wait() // a stream is logged after its end
		log := b.log.String()
		for _, want := range []string{"path=/1.0/leases/" + string(lease.ID), "identity=user:eve", "method=PATCH", "status=200", "status=404", "status=101",
			"path=/1.0/openapi.json status=200"} {
			if !strings.Contains(log, want) {
				b.Errorf("the log lacks %s:\n%s", want, log)
			}
		}
		for _, secret := range []string{"lpt_", "hunter2"} {
			if strings.Contains(log, secret) {
				b.Errorf("the log has %s:\n%s", secret, log)
			}
		}
	})
}

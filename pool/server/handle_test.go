package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func TestABadRequestIsExplained(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		lease := "/1.0/leases/" + string(b.acquire("root", pool.AcquireRequest{}).ID)
		for _, c := range []struct {
			method, path, body string
			status             int
			code, says         string
		}{
			{"GET", "/", "", 404, "invalid", "no such path"},
			{"GET", "/1.0/nope", "", 404, "invalid", "/1.0/nope"},
			{"GET", "/1.0/pools/", "", 404, "invalid", "no such path"},
			{"GET", "/1.0/pools/nope", "", 404, "no-pool", "nope"},
			{"DELETE", "/1.0/pools", "", 405, "invalid", "DELETE"},
			{"POST", "/1.0/pools", "", 400, "invalid", "empty"},
			{"POST", "/1.0/pools", "{", 400, "invalid", "unexpected EOF"},
			{"POST", "/1.0/pools", `{"name":"x","spec":{"image":"y","sizze":3}}`, 400, "invalid", `unknown field "sizze"`},
			{"POST", "/1.0/pools", `{"name":"x","spec":{"image":"y","size":"3"}}`, 400, "invalid", "size"},
			{"POST", "/1.0/pools", `{"name":"x","spec":{"image":"y","ttl":"30"}}`, 400, "invalid", `"30"`},
			{"POST", "/1.0/pools", `{"name":"x"} {}`, 400, "invalid", "follows"},
			{"POST", "/1.0/pools", `{"name":"` + strings.Repeat("x", api.MaxBody) + `"}`, 413, "invalid", "larger than 1048576"},
			{"POST", "/1.0/pools", `{"name":"ci","spec":{"image":"` + image + `"}}`, 409, "pool-exists", "ci"},
			{"POST", "/1.0/pools", `{"name":"x","spec":{"image":"nope"}}`, 422, "rejected", "nope"},
			{"PATCH", "/1.0/pools/ci", `{}`, 400, "invalid", "either"},
			{"PATCH", "/1.0/pools/ci", `{"set":{"size":"1"},"disabled":true}`, 400, "invalid", "either"},
			{"PATCH", "/1.0/pools/ci", `{"set":{"color":"red"}}`, 400, "invalid", "color"},
			{"DELETE", "/1.0/pools/ci", "", 409, "leased", "ci"},
			{"DELETE", "/1.0/pools/ci?force=maybe", "", 400, "invalid", "maybe"},
			{"DELETE", "/1.0/pools/ci?farce=true", "", 400, "invalid", "farce"},
			{"POST", "/1.0/pools/ci/leases", `{"count":1000}`, 422, "too-many", "1000"},
			{"POST", "/1.0/pools/ci/leases", `{"wait":1e400}`, 400, "invalid", "1e400"},
			{"POST", "/1.0/pools/ci/leases", `{"holder":"root"}`, 400, "invalid", `cannot acquire for "root"`},
			{"POST", "/1.0/pools/ci/leases", `{"colour":"red"}`, 400, "invalid", `unknown field "colour"`},
			{"PATCH", lease, `{"ttl":"1d1"}`, 400, "invalid", "1d1"},
			{"POST", lease + "/hold", `{"reason":"x"}`, 400, "invalid", "how long"},
			{"GET", lease + "/exec", "", 426, "invalid", "websocket"},
			{"DELETE", lease + "?reasson=x", "", 400, "invalid", "reasson"},
		} {
			got := b.ask(ask{who: "root", method: c.method, path: c.path, body: c.body})
			if got.status != c.status {
				b.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, got.status, got.body)
				continue
			}
			if p := b.problem(got); p.Code != c.code || !strings.Contains(p.Detail, c.says) {
				b.Errorf("%s %s %.60s: %+v", c.method, c.path, c.body, p)
			}
			if got.status == http.StatusMethodNotAllowed && got.header.Get("Allow") != "GET, HEAD, POST" {
				b.Errorf("%s allows %q", c.path, got.header.Get("Allow"))
			}
		}
		b.settle()
		if got := b.counts(); got.Ready != 1 || got.Leased != 1 {
			b.Errorf("bad requests changed the counts to %+v", got)
		}
	})
}

func TestAnEditOfWhatHasChangedIsRefused(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		root := b.as("root", "")
		read, err := root.Pool(b.Context(), "ci")
		if err != nil {
			b.Fatal(err)
		}
		spec := read.Spec
		spec.Size = 2
		changed, err := root.PutPool(b.Context(), "ci", spec, read.ETag)
		if err != nil || changed.Spec.Size != 2 || changed.ETag == read.ETag || changed.ETag == "" {
			b.Fatalf("got %+v, %v", changed, err)
		}
		spec.Size = 3
		if _, err := root.PutPool(b.Context(), "ci", spec, read.ETag); !errors.Is(err, pool.ErrChanged) {
			b.Fatalf("an edit of an old spec: %v", err)
		}
		listed, err := root.Pools(b.Context())
		if err != nil || listed[0].ETag != changed.ETag {
			b.Fatalf("the list has the mark %s, not %s", listed[0].ETag, changed.ETag)
		}
		if _, err := root.PutPool(b.Context(), "ci", spec, ""); err != nil {
			b.Fatalf("an edit without a mark: %v", err)
		}
	})
}

func TestHealthSaysWhetherLXDAnswers(t *testing.T) {
	inBench(t, pool.Spec{Size: 1}, func(b *bench) {
		eve := b.as("user:eve", "")
		if problems, err := eve.Health(b.Context()); err != nil || len(problems) != 0 {
			b.Fatalf("while all is well: %+v, %v", problems, err)
		}
		b.lxd.SetAway(true)
		for range 30 {
			b.settle()
		}
		if got := b.ask(ask{who: "user:eve", method: "GET", path: "/1.0/health"}); got.status != 503 || !strings.Contains(got.body, `"healthy":false`) {
			b.Fatalf("while LXD is away: %d %s", got.status, got.body)
		}
		if problems, err := eve.Health(b.Context()); err != nil || len(problems) != 1 || problems[0].Code != "lxd-away" {
			b.Fatalf("while LXD is away: %+v, %v", problems, err)
		}
	})
}

func TestTheDaemonSaysWhatItIsAndWhoIsThere(t *testing.T) {
	inBench(t, pool.Spec{}, func(b *bench) {
		v, err := b.as("user:bob", "").Version(b.Context())
		if err != nil || *v != (api.Version{API: "1.0", Version: "1.2.3", Identity: "user:bob", Role: "consumer"}) {
			b.Fatalf("got %+v, %v", v, err)
		}
		got := b.ask(ask{who: "user:eve", method: "GET", path: "/1.0/openapi.json"})
		if got.status != 200 || got.body != string(api.OpenAPI) || got.header.Get("Content-Type") != "application/json" {
			b.Fatalf("the document: %d, %d bytes", got.status, len(got.body))
		}
	})
}

package server_test

import (
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestTheFiguresAreThoseOfTheEngine(t *testing.T) {
	inBench(t, pool.Spec{Size: 2, Max: 3}, func(b *bench) {
		held := b.acquire("user:alice", pool.AcquireRequest{})
		b.acquire("user:alice", pool.AcquireRequest{})
		b.acquire("user:alice", pool.AcquireRequest{Wait: pool.WaitForever})
		if _, err := b.as("user:bob", "").Acquire(b.Context(), pool.AcquireRequest{Pool: "ci"}); err == nil {
			b.Fatal("a fourth of three")
		}
		if _, err := b.as("root", "").Revoke(b.Context(), held.ID, "noon"); err != nil {
			b.Fatal(err)
		}
		b.settle()
		got := b.ask(ask{who: "user:bob", method: "GET", path: "/metrics"}).body
		for _, want := range []string{
			`lxd_pool_instances{pool="ci",state="leased"} 2`,
			`lxd_pool_instances{pool="ci",state="ready"} 1`,
			`lxd_pool_instances{pool="ci",state="deleting"} 0`,
			`lxd_pool_waiting{pool="ci"} 0`,
			`lxd_pool_hits_total{pool="ci"} 2`,
			`lxd_pool_misses_total{pool="ci"} 1`,
			`lxd_pool_refused_total{code="exhausted",pool="ci"} 1`,
			`lxd_pool_leases_ended_total{cause="revoked",pool="ci"} 1`,
			`lxd_pool_deleted_instances_total{pool="ci",reason="released"} 1`,
			`lxd_pool_leaked_instances_total{pool="ci"} 0`,
			`lxd_pool_time_to_grant_seconds_count{pool="ci"} 3`,
			`lxd_pool_time_to_grant_seconds_bucket{pool="ci",le="+Inf"} 3`,
			`lxd_pool_time_to_grant_seconds_bucket{pool="ci",le="0.0001"} 2`,
			`lxd_pool_recycle_seconds_count{pool="ci"} 1`,
			"go_goroutines ", "process_open_fds ",
		} {
			if !strings.Contains(got, want) {
				b.Errorf("the figures lack %s", want)
			}
		}
		if b.Failed() {
			b.Log(got)
		}
	})
}

func TestTheFiguresPleaseTheLinter(t *testing.T) {
	inBench(t, pool.Spec{Size: 2}, func(b *bench) {
		lease := b.acquire("user:alice", pool.AcquireRequest{})
		if _, err := b.as("root", "").Revoke(b.Context(), lease.ID, "noon"); err != nil {
			b.Fatal(err)
		}
		b.settle()
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(server.NewCollector(b.m))
		problems, err := testutil.GatherAndLint(registry)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range problems {
			b.Errorf("%s: %s", p.Metric, p.Text)
		}
	})
}

package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestWhatTakesLongTellsHowFarItIs(t *testing.T) {
	inBench(t, pool.Spec{Size: 3}, func(b *bench) {
		b.lxd.SetLatency(simbackend.Delete, simbackend.Latency{Min: 5 * time.Second, Max: 7 * time.Second})
		var told []pool.Progress
		ctx := pool.WithProgress(b.Context(), func(p pool.Progress) { told = append(told, p) })
		if err := b.as("root", "").DeletePool(ctx, "ci", false); err != nil {
			b.Fatal(err)
		}
		if len(told) < 2 || !strings.Contains(told[0].Stage, "3 left") || told[len(told)-1].Percent == 0 {
			b.Errorf("told %+v", told)
		}
	})
}

func TestWhoDoesNotAskIsNotToldHowFarItIs(t *testing.T) {
	inBench(t, pool.Spec{Size: 3}, func(b *bench) {
		b.lxd.SetLatency(simbackend.Delete, simbackend.Latency{Min: 5 * time.Second, Max: 7 * time.Second})
		got := b.ask(ask{who: "root", method: "DELETE", path: "/1.0/pools/ci"})
		if got.status != http.StatusNoContent || len(got.body) > 0 {
			b.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestAFailureAfterProgressIsTheLastLine(t *testing.T) {
	inBench(t, pool.Spec{Size: 3}, func(b *bench) {
		b.lxd.SetLatency(simbackend.Delete, simbackend.Latency{Min: time.Hour, Max: time.Hour})
		time.AfterFunc(10*time.Second, func() { b.m.Close() })
		ctx := pool.WithProgress(b.Context(), func(pool.Progress) {})
		if err := b.as("root", "").DeletePool(ctx, "ci", false); !errors.Is(err, pool.ErrClosed) {
			b.Errorf("%v", err)
		}
	})
}

package simbackend_test

import (
	"path/filepath"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/backendtest"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestTheContractOfABackend(t *testing.T) {
	quick := map[simbackend.Verb]simbackend.Latency{}
	for verb, l := range simbackend.Measured() {
		quick[verb] = simbackend.Latency{Min: l.Min / 10, Max: l.Max / 10}
	}
	for name, latency := range map[string]map[simbackend.Verb]simbackend.Latency{"quick": quick, "instant": simbackend.Instant} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract(t, simbackend.New(simbackend.Options{Latency: latency}))
		})
	}
	t.Run("on file", func(t *testing.T) {
		t.Parallel()
		b, err := simbackend.Open(filepath.Join(t.TempDir(), "world"), simbackend.Options{Latency: quick})
		must(t, err)
		defer b.Close()
		contract(t, b)
	})
}

func contract(t *testing.T, b *simbackend.Backend) {
	backendtest.Run(t, backendtest.Subject{Backend: b, Manager: "m", Spec: pool.Spec{Image: "busybox"}})
	if b.Overlaps() != 0 {
		t.Errorf("the suite itself breaks the contract: %q", b.Violations())
	}
}

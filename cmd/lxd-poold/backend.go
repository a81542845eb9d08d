package main

import (
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// backend is what runs the instances, to be closed after its manager.
type backend interface {
	pool.Backend
	io.Closer
}

func openBackend(ctx context.Context, o *options) (backend, error) {
	if o.backend == "sim" {
		return openSimulation(o)
	}
	lxd, err := lxdOptions(o)
	if err != nil {
		return nil, err
	}
	b, err := lxdbackend.Open(ctx, lxd)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func lxdOptions(o *options) (lxdbackend.Options, error) {
	lxd := lxdbackend.Options{Dir: o.lxd, StateDir: o.stateDir}
	if inSnap() {
		lxd.Remedy = remedy
	}
	if strings.Contains(o.lxd, "://") {
		lxd.Dir, lxd.URL = "", o.lxd
	}
	for path, into := range map[string]*string{
		o.clientCert: &lxd.ClientCert, o.clientKey: &lxd.ClientKey, o.serverCert: &lxd.ServerCert,
	} {
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return lxd, pool.Invalidf("", "cannot read a certificate for LXD: %w", err)
		}
		*into = string(text)
	}
	return lxd, nil
}

// openSimulation keeps the simulated instances beside the journals, so that
// both outlive the process, as they do with LXD.
func openSimulation(o *options) (backend, error) {
	latency := simbackend.Measured()
	for verb, l := range maps.All(latency) {
		latency[verb] = simbackend.Latency{Min: scale(l.Min, o.sim.latency), Max: scale(l.Max, o.sim.latency)}
	}
	b, err := simbackend.Open(cmp.Or(o.sim.state, filepath.Join(o.stateDir, "simulated-lxd")),
		simbackend.Options{Seed: o.sim.seed, Latency: latency, Capacity: o.sim.capacity})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

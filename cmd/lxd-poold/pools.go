package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

// poolSet is what a file of pools asks for.
type poolSet map[pool.PoolName]pool.Spec

// readPools reads a file of pools; "" is one without any. What is wrong with
// any of them is an error, as far as it can be told without LXD.
func readPools(path string) (poolSet, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "", "cannot read the file of pools: %w", err)
	}
	set, err := specyaml.Pools(text)
	if err != nil {
		return nil, pool.Invalidf("", "cannot read the file of pools %s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		spec := set[name].WithDefaults()
		if err := errors.Join(name.Validate(), spec.Validate()); err != nil {
			return nil, pool.Invalidf("", "cannot use the file of pools %s: pool %s: %w", path, name, err)
		}
	}
	return set, nil
}

// applier makes the pools of a set what the set says. It never deletes one.
type applier struct {
	manager *pool.Manager
	log     *slog.Logger
	// sets holds the set that is to be applied next.
	sets chan poolSet
	// tried gets a new set when every pool of it was tried once.
	tried chan poolSet
}

func newApplier(m *pool.Manager, log *slog.Logger) *applier {
	return &applier{manager: m, log: log, sets: make(chan poolSet, 1), tried: make(chan poolSet)}
}

// apply orders a set to be applied, in place of one that is not finished.
func (a *applier) apply(set poolSet) {
	select {
	case <-a.sets:
	default:
	}
	a.sets <- set
}

// Pauses between the attempts while LXD is away.
const (
	firstPause = time.Second
	mostPause  = 30 * time.Second
)

// run applies what is ordered until ctx ends, and tries again what could not be
// done because LXD was away.
func (a *applier) run(ctx context.Context) {
	var left poolSet
	pause, again := firstPause, (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case set := <-a.sets:
			left, pause = a.once(ctx, set), firstPause
			select {
			case a.tried <- set:
			case <-ctx.Done():
			}
		case <-again:
			left, pause = a.once(ctx, left), min(2*pause, mostPause)
		}
		again = nil
		if len(left) > 0 {
			again = time.After(pause)
		}
	}
}

// once tries every pool and returns those that are worth another try.
func (a *applier) once(ctx context.Context, set poolSet) poolSet {
	left := poolSet{}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		err := a.put(ctx, name, set[name])
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, pool.ErrUnavailable):
			a.log.Warn("a pool of the file waits for LXD", "pool", name, "error", err)
			left[name] = set[name]
		default:
			a.log.Error("a pool of the file is left as it is", "pool", name, "error", err)
		}
	}
	return left
}

// put makes or changes one pool, if it is not as wanted already.
func (a *applier) put(ctx context.Context, name pool.PoolName, spec pool.Spec) error {
	was, err := a.manager.Pool(ctx, name)
	switch {
	case errors.Is(err, pool.ErrNoPool):
		_, err = a.manager.CreatePool(ctx, name, spec)
		return a.said(err, name, "made a pool of the file")
	case err != nil:
		return err
	case api.ETag(&was.Spec) == api.ETag(&spec):
		return nil
	}
	_, err = a.manager.EditPool(ctx, name, func(s *pool.Spec) error { *s = spec; return nil })
	return a.said(err, name, "changed a pool to what the file says")
}

func (a *applier) said(err error, name pool.PoolName, what string) error {
	if err == nil {
		a.log.Info(what, "pool", name)
	}
	return err
}

// summary is said to systemd.
func (set poolSet) summary() string {
	if len(set) == 0 {
		return "Serving"
	}
	return fmt.Sprintf("Serving; the file of pools has %d", len(set))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	fillPool pool.PoolName = "fill"
	// fillSize is how many are made in a round.
	fillSize   = 16
	fillRounds = 3
	// fillWorkers is how many the daemon makes, and how many it starts, at once.
	fillWorkers = 2
)

// fill measures how long it takes to fill a pool, beside lxd-benchmark with as
// many calls of LXD under way: ours makes some and starts some at once.
func (b *bench) fill(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx, "--workers", strconv.Itoa(fillWorkers))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	first, err := b.firstOne(ctx, d)
	if err != nil {
		return "", err
	}
	var p pairs
	for range fillRounds {
		if err := b.fillBoth(ctx, d, &p); err != nil {
			return "", err
		}
	}
	t := newTable("what", "p50", "a second", "as fast as `lxd-benchmark`", "aim")
	rate := func(d time.Duration) string { return fmt.Sprintf("%.1f", fillSize/d.Seconds()) }
	t.row(fmt.Sprintf("**filling a pool of %d**, each usable", fillSize), seconds(p.ours.p50()), rate(p.ours.p50()), factor(1/p.ratio()), "≥ 0.95")
	t.row(fmt.Sprintf("`lxd-benchmark launch --count %d --parallel %d`, each started", fillSize, 2*fillWorkers),
		seconds(p.theirs.p50()), rate(p.theirs.p50()), factor(1), "")
	t.row("the first one of a new pool, with its template", seconds(first), "", "", "")
	return t.String(), nil
}

// firstOne makes the pool with one instance, and leaves it with its template only.
func (b *bench) firstOne(ctx context.Context, d *daemon) (time.Duration, error) {
	took, err := timed(func() error {
		if err := d.create(ctx, fillPool, pool.Spec{Image: busybox, Size: 1}); err != nil {
			return err
		}
		return d.full(ctx, fillPool, 1)
	})
	return took, errors.Join(err, d.resize(ctx, fillPool, 0))
}

func (b *bench) fillBoth(ctx context.Context, d *daemon, p *pairs) error {
	if err := p.ours.add(func() error { return d.resize(ctx, fillPool, fillSize) }); err != nil {
		return err
	}
	if err := d.resize(ctx, fillPool, 0); err != nil {
		return err
	}
	parallel := strconv.Itoa(2 * fillWorkers)
	err := p.theirs.add(func() error {
		return b.lxd.benchmark(ctx, "launch", busybox, "--count", strconv.Itoa(fillSize), "--parallel", parallel)
	})
	return errors.Join(err, b.lxd.benchmark(ctx, "delete", "--parallel", parallel))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

const (
	restartPool pool.PoolName = "restart"
	// leased is how many leases there are, each on an instance of its own;
	// unleased is how many more are ready.
	leased   = 10_000
	unleased = 10
	restarts = 5
)

// starting is how long after the start of its process a daemon did something.
type starting struct {
	answer times // answers anything
	renew  times // has renewed a lease
	grant  times // has granted a new one
	list   times // has listed all leases
}

// restart kills a daemon with many leases on a simulated LXD, starts it again,
// and looks whether all of them are there.
func (b *bench) restart(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx, "--backend", "sim", "--sim-latency", "0", "--workers", "256", "--log-level", "error")
	if err != nil {
		return "", err
	}
	// The simulated world goes with its directory; deleting it takes longer.
	defer func() { d.kill(); err = errors.Join(err, os.RemoveAll(d.dir)) }()
	if err := d.leaseMany(ctx); err != nil {
		return "", err
	}
	var s starting
	for range restarts {
		if err := d.again(ctx, &s); err != nil {
			return "", err
		}
	}
	t := newTable("after the start of the process, the daemon", "p50", "longest", "aim")
	row := func(what string, of times, aim string) { t.row(what, ms(of.p50()), ms(of.at(1)), aim) }
	row("answers", s.answer, "")
	row("**has renewed a lease**", s.renew, "≤ 1 s")
	row("**has granted a new lease**", s.grant, "≤ 1 s")
	row(fmt.Sprintf("has listed %s leases", count(leased)), s.list, "nothing lost")
	return t.String() + fmt.Sprintf("\n\nAfter each of %d kills all %s leases were there, with their instances and fences as before.", restarts, count(leased)), nil
}

// leaseMany fills the pool and acquires the leases.
func (d *daemon) leaseMany(ctx context.Context) error {
	spec := pool.Spec{Image: "busybox", Size: unleased, Max: leased + 2*unleased}
	if _, err := d.CreatePool(ctx, restartPool, spec); err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(callersEach)
	for range leased {
		group.Go(func() error {
			_, err := d.Acquire(inner, pool.AcquireRequest{Pool: restartPool, Wait: pool.WaitForever})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return d.counts(ctx, restartPool, func(c pool.Counts) bool { return c == pool.Counts{Ready: unleased, Leased: leased} })
}

// again kills the daemon, starts it, and measures and checks what it does.
func (d *daemon) again(ctx context.Context, s *starting) error {
	before, err := d.Leases(ctx, restartPool, false)
	if err != nil {
		return err
	}
	d.kill()
	began := time.Now()
	since := func(t *times) { *t = append(*t, time.Since(began)) }
	if err := d.start(); err != nil {
		return err
	}
	if err := d.answers(ctx); err != nil {
		return err
	}
	since(&s.answer)
	if _, err := d.Renew(ctx, before[0].ID, 0); err != nil {
		return err
	}
	since(&s.renew)
	extra, err := d.Acquire(ctx, pool.AcquireRequest{Pool: restartPool, Wait: pool.WaitForever})
	if err != nil {
		return err
	}
	since(&s.grant)
	if _, err := d.Release(ctx, extra[0].ID); err != nil {
		return err
	}
	after, err := d.Leases(ctx, restartPool, false)
	if err != nil {
		return err
	}
	since(&s.list)
	return same(before, after)
}

// same reports what is missing, new or other.
func same(before, after []*api.Lease) error {
	known := map[pool.LeaseID]*api.Lease{}
	for _, l := range after {
		known[l.ID] = l
	}
	for _, l := range before {
		now := known[l.ID]
		if now == nil || now.Instance != l.Instance || now.Fence != l.Fence || now.Holder != l.Holder {
			return fmt.Errorf("lease %s on %s is lost or changed: %+v", l.ID, l.Instance, now)
		}
	}
	if len(before) != leased || len(after) != leased {
		return fmt.Errorf("there were %d leases and are %d", len(before), len(after))
	}
	return nil
}

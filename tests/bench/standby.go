package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	frozenPool pool.PoolName = "frozen"
	sparePool  pool.PoolName = "spares"
	// shelf is how many there are of each, and how many grants a round measures.
	shelf         = 10
	standbyRounds = 2
)

// standby measures grants that need a step of LXD first, beside that step alone.
func (b *bench) standby(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	// A first start costs more than later ones; members are copies of what was
	// started once, and so is this.
	if err := b.lxd.lxc(ctx, "launch", busybox, besides); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.lxd.lxc(ctx, "delete", "-f", besides)) }()
	frozen, err := b.frozen(ctx, d)
	if err != nil {
		return "", err
	}
	spare, raw, err := b.spares(ctx, d)
	if err != nil {
		return "", err
	}
	t := newTable("what", "number", "p50", "p99", "times LXD's own step", "aim")
	row := func(what string, of times, beside times, aim string) {
		t.row(what, len(of), ms(of.p50()), ms(of.p99()), over(of.p50(), beside.p50()), aim)
	}
	row("**acquire** from a frozen pool", frozen.ours, frozen.theirs, "p50 ≤ 30 ms")
	row("LXD's own unfreeze", frozen.theirs, frozen.theirs, "")
	row("**acquire** that starts a spare", spare.ours, spare.theirs, "≤ 1.15")
	row("LXD's own start, until its address is known", spare.theirs, spare.theirs, "")
	row("LXD's own start alone", raw, spare.theirs, "")
	return t.String(), nil
}

// frozen measures grants of frozen containers, each beside an unfreeze of another.
func (b *bench) frozen(ctx context.Context, d *daemon) (p pairs, err error) {
	spec := pool.Spec{Image: busybox, Size: shelf, Max: shelf, Standby: pool.StandbyFrozen, Recycle: pool.ResetToSnapshot}
	if err := d.create(ctx, frozenPool, spec); err != nil {
		return p, err
	}
	full := func(c pool.Counts) bool { return c == pool.Counts{Ready: shelf} }
	err = b.takeAll(ctx, d, frozenPool, full, func() (id pool.LeaseID, err error) {
		if err := b.lxd.state(ctx, besides, "freeze"); err != nil {
			return "", err
		}
		if err := p.theirs.add(func() error { return b.lxd.state(ctx, besides, "unfreeze") }); err != nil {
			return "", err
		}
		return id, p.ours.add(func() error {
			id, err = d.take(ctx, frozenPool)
			return err
		})
	})
	return p, errors.Join(err, d.DeletePool(ctx, frozenPool, true))
}

// spares measures grants that start a spare, each beside a start of another.
// The pool is at its max, so that nothing is made meanwhile.
func (b *bench) spares(ctx context.Context, d *daemon) (p pairs, raw times, err error) {
	spec := pool.Spec{Image: busybox, Spares: shelf, Max: shelf, Recycle: pool.ResetToSnapshot}
	if err := d.create(ctx, sparePool, spec); err != nil {
		return p, nil, err
	}
	full := func(c pool.Counts) bool { return c == pool.Counts{Spare: shelf} }
	err = b.takeAll(ctx, d, sparePool, full, func() (id pool.LeaseID, err error) {
		if err := b.lxd.state(ctx, besides, "stop"); err != nil {
			return "", err
		}
		err = p.theirs.add(func() error {
			if err := raw.add(func() error { return b.lxd.state(ctx, besides, "start") }); err != nil {
				return err
			}
			return b.lxd.address(ctx, besides)
		})
		if err != nil {
			return "", err
		}
		return id, p.ours.add(func() error {
			leases, err := d.Acquire(ctx, pool.AcquireRequest{Pool: sparePool, Wait: pool.WaitForever})
			if err == nil {
				id = leases[0].ID
			}
			return err
		})
	})
	return p, raw, errors.Join(err, d.DeletePool(ctx, sparePool, true))
}

// takeAll has every instance of a full pool taken, some rounds long.
func (b *bench) takeAll(ctx context.Context, d *daemon, name pool.PoolName, full func(pool.Counts) bool, take func() (pool.LeaseID, error)) error {
	for range standbyRounds {
		if err := d.counts(ctx, name, full); err != nil {
			return err
		}
		var held []pool.LeaseID
		for range shelf {
			id, err := take()
			if err != nil {
				return fmt.Errorf("pool %s: %w", name, err)
			}
			held = append(held, id)
		}
		if err := d.release(ctx, held); err != nil {
			return err
		}
	}
	return nil
}

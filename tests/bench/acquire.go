package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	grantPool pool.PoolName = "grants"
	// batch is how many grants a round measures of each kind, before the pool
	// has to be full again.
	batch  = 25
	rounds = 8
	// typed is how many whole commands a round measures.
	typed = 2
	// besides is the instance that LXD's own steps are measured on.
	besides = "besides"
)

// acquiring is what one run of this part measures.
type acquiring struct {
	*bench
	d *daemon
	// quiet and busy are grants with a full pool and with one that refills;
	// the writes are those of LXD's config right after each.
	quiet, quietWrite times
	busy, busyWrite   times
	// command is the whole of lxd-pool acquire, launch that of lxc launch.
	command, launch times
	writes, names   int
}

// acquire measures grants of ready containers over the socket of a daemon on
// the real LXD.
func (b *bench) acquire(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := b.lxd.lxc(ctx, "launch", busybox, besides); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.lxd.lxc(ctx, "delete", "-f", besides)) }()
	if err := d.create(ctx, grantPool, pool.Spec{Image: busybox, Size: batch + typed, Max: batch + typed}); err != nil {
		return "", err
	}
	a := &acquiring{bench: b, d: d}
	for range rounds {
		if err := a.round(ctx); err != nil {
			return "", err
		}
	}
	return a.text(), nil
}

// round takes a full pool empty, one after the other, and then takes what
// becomes ready while the pool is refilled. The pool's max keeps it from
// refilling before.
func (a *acquiring) round(ctx context.Context) error {
	if err := a.d.full(ctx, grantPool, batch+typed); err != nil {
		return err
	}
	var held []pool.LeaseID
	for i := range batch + typed {
		take := a.quietly
		if i >= batch {
			take = a.commands
		}
		id, err := take(ctx)
		if err != nil {
			return err
		}
		held = append(held, id)
	}
	if err := a.d.release(ctx, held); err != nil {
		return err
	}
	for range batch {
		if err := a.whileRefilling(ctx); err != nil {
			return err
		}
	}
	return nil
}

// quietly measures a grant of a pool with nothing under way.
func (a *acquiring) quietly(ctx context.Context) (id pool.LeaseID, err error) {
	if id, err = a.grant(ctx, &a.quiet); err == nil {
		err = a.write(ctx, &a.quietWrite)
	}
	return id, err
}

// whileRefilling measures a grant as soon as something is ready again, and
// gives it back.
func (a *acquiring) whileRefilling(ctx context.Context) error {
	err := a.d.counts(ctx, grantPool, func(c pool.Counts) bool { return c.Ready > 0 && c.Ready < c.Built() })
	if err != nil {
		return err
	}
	id, err := a.grant(ctx, &a.busy)
	if err == nil {
		err = a.write(ctx, &a.busyWrite)
	}
	if err == nil {
		_, err = a.d.Release(ctx, id)
	}
	return err
}

func (a *acquiring) grant(ctx context.Context, into *times) (id pool.LeaseID, err error) {
	return id, into.add(func() error {
		id, err = a.d.take(ctx, grantPool)
		return err
	})
}

func (a *acquiring) write(ctx context.Context, into *times) error {
	a.writes++
	return into.add(func() error { return a.lxd.write(ctx, besides, fmt.Sprint(a.writes)) })
}

// commands measures what somebody waits for who types it.
func (a *acquiring) commands(ctx context.Context) (pool.LeaseID, error) {
	a.names++
	name := fmt.Sprint("launched-", a.names)
	if err := a.launch.add(func() error { return a.lxd.lxc(ctx, "launch", busybox, name) }); err != nil {
		return "", err
	}
	if err := a.lxd.lxc(ctx, "delete", "-f", name); err != nil {
		return "", err
	}
	var out []byte
	err := a.command.add(func() (err error) {
		out, err = a.d.lxdPool(ctx, "acquire", string(grantPool), "-q").Output()
		return err
	})
	return pool.LeaseID(trimmed(out)), err
}

func (a *acquiring) text() string {
	t := newTable("what", "number", "p50", "p99", "times a config write", "aim")
	row := func(what string, of, beside times, aim string) {
		t.row(what, len(of), ms(of.p50()), ms(of.p99()), over(of.p50(), beside.p50()), aim)
	}
	row("**acquire**, pool quiet", a.quiet, a.quietWrite, "p50 ≤ 1 ms, p99 ≤ 5 ms")
	row("one config write in LXD, beside it", a.quietWrite, a.quietWrite, "")
	row("**acquire**, pool refilling", a.busy, a.busyWrite, "")
	row("one config write in LXD, beside it", a.busyWrite, a.busyWrite, "")
	row("**`lxd-pool acquire`**, the whole command", a.command, a.quietWrite, "")
	row("`lxc launch`, the whole command", a.launch, a.quietWrite, "")
	return t.String() + fmt.Sprintf("\n\n`lxc launch` takes %s times as long as an acquire of a quiet pool, and %s times as long as the whole command.",
		over(a.launch.p50(), a.quiet.p50()), over(a.launch.p50(), a.command.p50()))
}

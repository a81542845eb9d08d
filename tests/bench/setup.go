package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

const setupPool pool.PoolName = "setup"

// setupRounds is how often each way is measured.
const setupRounds = 3

// setupScript installs packages. It makes them first, so that no network is in
// the figure.
const setupScript = `set -e
for n in 1 2 3 4 5; do
	tree=/tmp/course-$n
	mkdir -p $tree/DEBIAN $tree/opt/course-$n
	cp -r /usr/lib/systemd $tree/opt/course-$n
	printf 'Package: course-%s\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: course\n' $n >$tree/DEBIAN/control
	dpkg-deb --build -Zgzip $tree >/dev/null
done
dpkg -i /tmp/course-*.deb >/dev/null`

// booted is a script that ends when systemd has started.
const booted = `until systemctl is-system-running --wait >/dev/null 2>&1; do
	case $(systemctl is-system-running) in degraded) break ;; esac; sleep 0.05
done`

// setup measures the time until an instance that needs a setup is ready: as a
// copy of the pool's template, in which it was done once, and by hand from the
// image.
func (b *bench) setup(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	first, err := timed(func() error {
		if err := d.create(ctx, setupPool, pool.Spec{Image: debian, Setup: setupScript, Size: 1}); err != nil {
			return err
		}
		return d.full(ctx, setupPool, 1)
	})
	if err != nil {
		return "", err
	}
	var p pairs
	for round := range setupRounds {
		if err := d.resize(ctx, setupPool, 0); err != nil {
			return "", err
		}
		if err := p.ours.add(func() error { return d.resize(ctx, setupPool, 1) }); err != nil {
			return "", err
		}
		if err := b.setUpByHand(ctx, fmt.Sprintf("setup-%d", round), &p.theirs); err != nil {
			return "", err
		}
	}
	t := newTable("what", "number", "until ready, p50", "times by hand")
	t.row("**one more of the pool**, a copy of its template", setupRounds, seconds(p.ours.p50()), factor(p.ratio()))
	t.row("by hand: `lxc launch`, wait for systemd, run the script", setupRounds, seconds(p.theirs.p50()), factor(1))
	t.row("the first one of a new pool, with its template", 1, seconds(first), factor(float64(first)/float64(p.theirs.p50())))
	return t.String(), nil
}

// setUpByHand makes an instance that is set up, and deletes it after the time was taken.
func (b *bench) setUpByHand(ctx context.Context, name string, into *times) error {
	err := into.add(func() error {
		for _, step := range [][]string{
			{"launch", debian, name},
			{"exec", name, "--", "sh", "-c", onNetwork + "\n" + booted},
			{"exec", name, "--", "sh", "-c", setupScript},
		} {
			if err := b.lxd.lxc(ctx, step...); err != nil {
				return err
			}
		}
		return nil
	})
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(err, b.lxd.lxc(tidy, "delete", "-f", name))
}

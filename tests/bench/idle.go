package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	idlePool pool.PoolName = "idle"
	idleSize               = 1000
	idleLong               = 30 * time.Second
	// idleRest is how long a daemon rests after it has made them all.
	idleRest = 3 * time.Second
)

// idle measures what a daemon uses that has a full pool and nothing to do.
func (b *bench) idle(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx, "--backend", "sim", "--sim-latency", "0", "--workers", "256", "--log-level", "error")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if _, err := d.CreatePool(ctx, idlePool, pool.Spec{Image: "busybox", Size: idleSize, Max: idleSize}); err != nil {
		return "", err
	}
	if err := d.full(ctx, idlePool, idleSize); err != nil {
		return "", err
	}
	if err := pause(ctx, idleRest); err != nil {
		return "", err
	}
	cpu, memory, err := d.uses(ctx)
	if err != nil {
		return "", err
	}
	t := newTable("an idle daemon with "+count(idleSize)+" ready instances", "measured", "aim")
	t.row("memory (RSS)", fmt.Sprintf("%d MiB", memory>>20), "≤ 60 MiB")
	t.row(fmt.Sprintf("share of one core over %.0f s", idleLong.Seconds()), share(cpu, idleLong), "≤ 0.5 %")
	return t.String(), nil
}

// share writes how much of a length of time was used, as exactly as it is known.
func share(used, of time.Duration) string {
	percent := func(d time.Duration) string { return fmt.Sprintf("%.2f %%", 100*d.Seconds()/of.Seconds()) }
	if used == 0 {
		return "below " + percent(tick)
	}
	return percent(used)
}

// uses watches the daemon for a while.
func (d *daemon) uses(ctx context.Context) (cpu time.Duration, memory int, err error) {
	before, err := d.cpuTime()
	if err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, idleLong); err != nil {
		return 0, 0, err
	}
	after, err := d.cpuTime()
	if err != nil {
		return 0, 0, err
	}
	pages, err := d.stat("statm", 1)
	return after - before, pages * os.Getpagesize(), err
}

// tick is the unit in which the kernel tells the time that a process used.
const tick = 10 * time.Millisecond

// cpuTime is what the daemon has used of the processors.
func (d *daemon) cpuTime() (time.Duration, error) {
	user, err := d.stat("stat", 13)
	if err != nil {
		return 0, err
	}
	system, err := d.stat("stat", 14)
	return time.Duration(user+system) * tick, err
}

// stat is a number out of what the kernel tells of the daemon's process, whose
// name has no space in it.
func (d *daemon) stat(file string, field int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", d.process.Process.Pid, file))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.Fields(string(text))[field])
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

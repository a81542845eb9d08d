package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// readyWithin is when systemd is told that the daemon is ready though not every
// pool of the file could be tried yet, because LXD is slow.
const readyWithin = 15 * time.Second

// serve runs the daemon until a signal ends it.
func serve(o *options, log *slog.Logger) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	set, err := readPools(o.poolsFile)
	if err != nil {
		return err
	}
	d, err := openDaemon(context.Background(), o, log)
	if err != nil {
		return err
	}
	return d.run(signals, set)
}

// run serves until a signal says to end, and then drains.
func (d *daemon) run(signals <-chan os.Signal, set poolSet) error {
	failed := d.serve()
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	d.feedWatchdog(ctx, &group)
	pools := newApplier(d.manager, d.log)
	group.Go(func() { pools.run(ctx) })
	pools.apply(set)
	group.Go(func() { d.followConfig(ctx) })

	err := d.follow(signals, failed, pools)
	stop()
	group.Wait()
	d.drain(signals)
	return err
}

// follow obeys signals until one says to end, or a socket fails.
func (d *daemon) follow(signals <-chan os.Signal, failed <-chan error, pools *applier) error {
	late := time.After(readyWithin)
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGHUP {
				d.log.Info("lxd-poold ends", "signal", s.String())
				return nil
			}
			d.rereadPools(pools)
			select {
			case d.again <- struct{}{}:
			default: // it is asked for already
			}
		case set := <-pools.tried:
			d.notify.ready(set.summary())
			late = nil
		case <-late:
			d.notify.ready("Serving; LXD is slow, and pools of the file are not made yet")
		case err := <-failed:
			return err
		}
	}
}

// rereadPools reads the file of pools again. One that cannot be used changes nothing.
func (d *daemon) rereadPools(pools *applier) {
	d.notify.reloading()
	set, err := readPools(d.options.poolsFile)
	if err != nil {
		d.log.Error("the file of pools is not applied: " + oneLine(err))
		d.notify.ready("Serving; the file of pools is not applied: " + oneLine(err))
		return
	}
	d.log.Info("lxd-poold reloads", "pools", d.options.poolsFile)
	pools.apply(set)
}

// drain stops listening, answers those that wait, lets what is under way come
// to its end, and closes the journals. A further signal to end, or the end of
// the time for it, cuts off what is left.
func (d *daemon) drain(signals <-chan os.Signal) {
	d.notify.stopping()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(d.options.drainTimeout))
	defer cancel()
	go hurry(ctx, signals, cancel)
	if err := d.server.Shutdown(ctx); err != nil {
		d.log.Warn("requests under way were cut off", "error", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- d.close() }()
	select {
	case err := <-closed:
		if err != nil {
			d.log.Warn("cannot close everything", "error", oneLine(err))
		}
	case <-ctx.Done():
		select { // it may have just been done
		case <-closed:
		case <-time.After(time.Second):
			d.log.Warn("work under way does not end; the next start takes it up", "after", d.options.drainTimeout.String())
		}
	}
}

// hurry cuts the draining short at a further signal to end.
func hurry(ctx context.Context, signals <-chan os.Signal, cut context.CancelFunc) {
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGHUP {
				cut()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

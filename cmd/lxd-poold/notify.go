package main

import (
	"context"
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells systemd how the daemon is. Without systemd it does nothing.
type notifier struct{ log *slog.Logger }

func (n notifier) send(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		n.log.Warn("cannot tell systemd how the daemon is", "state", state, "error", err)
	}
}

func (n notifier) ready(status string) { n.send(systemd.SdNotifyReady + "\nSTATUS=" + status) }

func (n notifier) reloading() {
	n.send(systemd.SdNotifyReloading + "\n" + systemd.SdNotifyMonotonicUsec())
}

func (n notifier) stopping() {
	n.send(systemd.SdNotifyStopping + "\nSTATUS=Waiting for what is under way")
}

// watch tells systemd regularly that the daemon lives, as long as alive says
// so, until ctx ends. It returns at once when systemd does not ask for it.
func (n notifier) watch(ctx context.Context, alive func(context.Context) error) {
	interval, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("cannot understand what systemd says of its watchdog", "error", err)
	}
	if interval == 0 {
		return
	}
	tick := time.NewTicker(interval / 3)
	defer tick.Stop()
	for {
		n.check(ctx, interval/3, alive)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (n notifier) check(ctx context.Context, within time.Duration, alive func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	switch err := alive(ctx); {
	case err == nil:
		n.send(systemd.SdNotifyWatchdog)
	case context.Cause(ctx) != context.Canceled:
		n.log.Error("the daemon does not answer itself; systemd's watchdog is not fed", "error", err)
	}
}

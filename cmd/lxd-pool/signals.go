package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the end of a command by a signal.
type interrupted struct{ signal syscall.Signal }

func (e interrupted) Error() string { return "cannot go on: " + e.signal.String() }

// untilInterrupt returns a context that ends at the first signal to end, with
// an [interrupted]. A second signal ends the program at once.
func untilInterrupt(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(interrupted{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// passedOn are the signals that a command in an instance gets.
var passedOn = []os.Signal{
	syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
}

// ends reports whether a signal asks to end.
func ends(s syscall.Signal) bool {
	return s == syscall.SIGINT || s == syscall.SIGTERM || s == syscall.SIGHUP
}

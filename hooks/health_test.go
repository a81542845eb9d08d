package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestHealthIsWhatTheDaemonSays(t *testing.T) {
	b := newBench(t)
	if err := checkHealth(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	if got := b.calls(); got != "is-connected lxd\nset-health error lxd-poold does not answer; see: snap logs lxd-pool --code=daemon-away\n" {
		t.Errorf("without a daemon: %q", got)
	}
	b.serve(nil)
	if err := checkHealth(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	if got := b.calls(); got != "set-health okay\n" {
		t.Errorf("with all well: %q", got)
	}
}

func TestADaemonThatStartsIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.patience = time.Minute
	checked := make(chan error, 1)
	go func() { checked <- checkHealth(t.Context(), b.snap) }()
	b.serve(nil)
	if err := <-checked; err != nil {
		t.Fatal(err)
	}
	// It may have been asked meanwhile whether LXD is connected.
	if got := b.calls(); strings.Count(got, "set-health") != 1 || !strings.HasSuffix(got, "set-health okay\n") {
		t.Errorf("it was told %q", got)
	}
}

func TestAConnectionMakesTheDaemonLookAndTellsSnapd(t *testing.T) {
	b := newBench(t)
	asked := 0
	b.serve(func(context.Context) ([]string, error) { asked++; return nil, errors.New("not this time") })
	if err := connected(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	if got := b.calls(); got != "set-health okay\n" || asked != 1 {
		t.Errorf("the daemon was asked %d times, and snapd told %q", asked, got)
	}
}

func TestADisconnectionIsToldBeforeItIsThere(t *testing.T) {
	b := newBench(t)
	if err := disconnected(t.Context(), b.snap); err != nil {
		t.Fatal(err)
	}
	if got := b.calls(); got != "set-health blocked run: sudo snap connect lxd-pool:lxd lxd:lxd --code=lxd-not-connected\n" {
		t.Errorf("it was told %q", got)
	}
}

func TestTheTextOfHealthIsAsLongAsSnapdTakesIt(t *testing.T) {
	for _, text := range []string{"", "full", strings.Repeat("größer ", 20), "LXD is not there"} {
		if n := utf8.RuneCountInString((health{text: text}).fitting()); n < 7 || n > 70 {
			t.Errorf("%q has %d characters", (health{text: text}).fitting(), n)
		}
	}
}

func TestTheProgramRunsTheHookThatItIsNamedAfter(t *testing.T) {
	if got := run("no-such-hook", nil); got != 2 {
		t.Errorf("a hook that there is not ends with %d", got)
	}
	t.Setenv("SNAP_COMMON", t.TempDir())
	t.Setenv("PATH", t.TempDir()) // there is no snapctl
	if got := run("configure", nil); got != 1 {
		t.Errorf("a hook that fails ends with %d", got)
	}
	if got := run("pre-refresh", nil); got != 0 {
		t.Errorf("a hook with nothing to do ends with %d", got)
	}
}

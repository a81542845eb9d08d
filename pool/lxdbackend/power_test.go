package lxdbackend_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// power does something to an instance for its holder.
func (r *room) power(o pool.Order, request pool.PowerRequest) pool.Place {
	r.Helper()
	place, err := r.b.Switch(r.Context(), o, request)
	r.must(err)
	return place
}

func force(action pool.PowerAction) pool.PowerRequest {
	return pool.PowerRequest{Action: action, Force: true}
}

func TestAHolderStopsAndStartsItsInstance(t *testing.T) {
	t.Parallel()
	for _, image := range []string{busybox, debian} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			r := enter(t)
			o := r.order(image)
			r.create(o)
			was := r.start(o)
			r.run(o, "echo kept >/root/kept")
			for range 2 { // the second time it is stopped already
				off := r.power(o, pool.PowerRequest{Action: pool.PowerStop, Timeout: pool.Duration(20 * time.Second)})
				r.is(o, pool.Stopped)
				if len(off.Addresses) != 0 || off.Project != "default" {
					t.Errorf("stopped, it is at %+v", off)
				}
			}
			for range 2 {
				on := r.power(o, pool.PowerRequest{Action: pool.PowerStart})
				r.is(o, pool.Running)
				if !slices.Equal(on.Addresses, was.Addresses) {
					t.Errorf("it was at %v and is at %v", was.Addresses, on.Addresses)
				}
			}
			up := r.run(o, "cat /root/kept; cut -d. -f1 /proc/uptime")
			if !strings.HasPrefix(up, "kept\n") {
				t.Errorf("it holds %q", up)
			}
			const mark = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[s]leep 7654'"
			r.run(o, "(sleep 7654 >/dev/null 2>&1 </dev/null &); "+mark)
			r.power(o, force(pool.PowerRestart))
			if out, _ := r.try(o, mark); out != "0" {
				t.Errorf("restarted, it still has %s of what ran", out)
			}
			r.run(o, "test -e /root/kept")
		})
	}
}

func TestAHolderPausesAndResumesItsInstance(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	r.start(o)
	r.run(o, "(while :; do date +%s%N >>/root/ticks; sleep 0.05; done) >/dev/null 2>&1 </dev/null &")
	for range 2 {
		if at := r.power(o, pool.PowerRequest{Action: pool.PowerPause}); len(at.Addresses) == 0 {
			t.Error("paused, it has lost its addresses")
		}
		r.is(o, pool.Frozen)
	}
	for _, on := range []pool.PowerAction{pool.PowerResume, pool.PowerStart} {
		r.power(o, pool.PowerRequest{Action: pool.PowerPause})
		r.power(o, pool.PowerRequest{Action: on})
		r.is(o, pool.Running)
		r.run(o, "pgrep -f /root/ticks >/dev/null || ps | grep -q '[t]icks'") // what ran goes on
	}
}

func TestACommandInAnInstanceThatDoesNotRunIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	r.start(o)
	for _, c := range []struct {
		request pool.PowerRequest
		want    string
	}{{pool.PowerRequest{Action: pool.PowerPause}, "it is paused"}, {force(pool.PowerStop), "it is stopped"}} {
		r.power(o, c.request)
		for _, user := range []string{"", "root", "daemon", "12345"} {
			_, err := r.b.Exec(t.Context(), o, pool.Command{Args: []string{"true"}, User: user})
			if !errors.Is(err, pool.ErrNotRunning) || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("as %q: %v", user, err)
			}
		}
	}
	for _, c := range []pool.PowerAction{pool.PowerPause, pool.PowerResume} {
		if _, err := r.b.Switch(t.Context(), o, pool.PowerRequest{Action: c}); !errors.Is(err, pool.ErrNotRunning) {
			t.Errorf("%s of one that is stopped: %v", c, err)
		}
	}
}

func TestAnInstanceThatDoesNotShutDownIsSaidSoAndRunsOn(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(debian)
	r.create(o)
	r.start(o)
	// A unit that needs longer to stop than it is given.
	r.run(o, `printf '[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 60\n' >/run/systemd/system/slow.service
		systemctl start slow`)
	_, err := r.b.Switch(t.Context(), o, pool.PowerRequest{Action: pool.PowerStop, Timeout: pool.Duration(time.Second)})
	if !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), "did not shut down within 1s") || !strings.Contains(err.Error(), "--force") {
		t.Errorf("got %v", err)
	}
	r.is(o, pool.Running)
	r.power(o, force(pool.PowerStop))
	r.is(o, pool.Stopped)
}

// Whatever its holder did to it, the end of the lease cleans it.
func TestAStoppedOrPausedInstanceIsCleanedAsEver(t *testing.T) {
	t.Parallel()
	for _, recycle := range []string{"reset", "replace"} {
		t.Run(recycle, func(t *testing.T) {
			t.Parallel()
			r := enter(t)
			o := r.order(busybox, "recycle="+recycle)
			for _, last := range []pool.PowerRequest{force(pool.PowerStop), {Action: pool.PowerPause}} {
				r.create(o)
				r.start(o)
				r.run(o, "echo secret >/root/secret; echo secret >/dev/console")
				_, err := r.b.CreateSnapshot(t.Context(), o, "mine")
				r.must(err)
				_, err = r.b.Console(t.Context(), o) // LXD keeps what is read
				r.must(err)
				r.power(o, last)
				_, err = r.b.Console(t.Context(), o)
				r.must(err)
				if recycle == "replace" {
					r.must(r.b.Delete(t.Context(), o))
					r.is(o, "")
					continue
				}
				r.must(r.b.Reset(t.Context(), o))
				r.start(o)
				r.run(o, "! test -e /root/secret; echo mine >/dev/console")
				_, err = r.b.Console(t.Context(), o) // LXD adds it to what it keeps
				r.must(err)
				r.power(o, force(pool.PowerStop))
				if console, err := r.b.Console(t.Context(), o); err != nil || strings.Contains(string(console), "secret") {
					t.Errorf("its console tells %q, %v", console, err)
				}
				if list, err := r.b.Snapshots(t.Context(), o); err != nil || len(list) != 0 {
					t.Errorf("it has the snapshots %v, %v", list, err)
				}
			}
		})
	}
}

// Who leaves does not leave half of it to whoever has the instance next.
func TestARestoreThatNobodyWaitsForIsOverWhenItReturns(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset")
	r.create(o)
	r.start(o)
	_, err := r.b.CreateSnapshot(t.Context(), o, "mine")
	r.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.b.RestoreSnapshot(ctx, o, "mine"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if busy := admin(t).operations(o.Instance); len(busy) != 0 {
		t.Errorf("LXD is still at %v", busy)
	}
	r.must(r.b.Reset(t.Context(), o))
	r.is(o, pool.Stopped)
}

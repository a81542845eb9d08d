package lxdbackend_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (r *room) snapshot(o pool.Order, name pool.SnapshotName) {
	r.Helper()
	s, err := r.b.CreateSnapshot(r.Context(), o, name)
	r.must(err)
	if s.Name != name || time.Since(s.Created).Abs() > time.Hour {
		r.Errorf("the snapshot is %+v", s)
	}
}

// snapshots are the names that its holder sees.
func (r *room) snapshots(o pool.Order) string {
	r.Helper()
	list, err := r.b.Snapshots(r.Context(), o)
	r.must(err)
	var names []string
	for _, s := range list {
		names = append(names, string(s.Name))
	}
	return strings.Join(names, " ")
}

func TestAHolderGoesBackToASnapshotWhateverItsInstanceDoes(t *testing.T) {
	t.Parallel()
	for image, states := range map[string][]pool.Status{busybox: {pool.Running, pool.Frozen, pool.Stopped}, debian: {pool.Running}} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			r := enter(t)
			o := r.order(image, "recycle=reset")
			r.create(o)
			was := r.start(o)
			for _, state := range states {
				r.run(o, "echo first >/root/file; rm -f /root/more")
				switch state {
				case pool.Frozen:
					r.power(o, pool.PowerRequest{Action: pool.PowerPause})
				case pool.Stopped:
					r.power(o, force(pool.PowerStop))
				}
				name := pool.SnapshotName("when-" + state)
				r.snapshot(o, name)
				r.is(o, state)
				r.power(o, pool.PowerRequest{Action: pool.PowerStart})
				r.run(o, "echo second >/root/file; touch /root/more")
				switch state {
				case pool.Frozen:
					r.power(o, pool.PowerRequest{Action: pool.PowerPause})
				case pool.Stopped:
					r.power(o, force(pool.PowerStop))
				}
				place, err := r.b.RestoreSnapshot(t.Context(), o, name)
				r.must(err)
				if state == pool.Stopped {
					r.is(o, pool.Stopped)
					r.power(o, pool.PowerRequest{Action: pool.PowerStart})
				} else if len(place.Addresses) == 0 || place.Addresses[0] != was.Addresses[0] {
					t.Errorf("%s: it was at %v and is at %v", state, was, place)
				}
				r.is(o, pool.Running)
				if got := r.run(o, "cat /root/file; ls /root"); got != "first\nfile" {
					t.Errorf("%s: it holds %q", state, got)
				}
			}
			if seen := r.seen(o); seen.Pool != o.Pool {
				t.Errorf("its tags are those of %+v", seen)
			}
			if image == busybox {
				if got := r.snapshots(o); got != "when-running when-frozen when-stopped" {
					t.Errorf("its snapshots are %q", got)
				}
				if got := admin(t).snapshots(o.Instance); len(got) != 4 {
					t.Errorf("LXD has %v", got)
				}
				r.must(r.b.DeleteSnapshot(t.Context(), o, "when-frozen"))
				if got := r.snapshots(o); got != "when-running when-stopped" {
					t.Errorf("its snapshots are %q", got)
				}
			}
			r.must(r.b.Reset(t.Context(), o))
			if got := admin(t).snapshots(o.Instance); len(got) != 1 || got[0] != string(pool.PristineSnapshot) {
				t.Errorf("after a reset LXD has %v", got)
			}
		})
	}
}

func TestWhatCannotBeDoneToASnapshotChangesNothing(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset")
	r.create(o)
	r.start(o)
	r.snapshot(o, "mine")
	r.run(o, "touch /root/later")
	if _, err := r.b.CreateSnapshot(t.Context(), o, "mine"); !errors.Is(err, pool.ErrExists) {
		t.Errorf("a name in use: %v", err)
	}
	if _, err := r.b.RestoreSnapshot(t.Context(), o, "nope"); !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("restoring an unknown one: %v", err)
	}
	if err := r.b.DeleteSnapshot(t.Context(), o, "nope"); !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("deleting an unknown one: %v", err)
	}
	// The engine refuses the name before; the backend does not know of it either.
	if _, err := r.b.RestoreSnapshot(t.Context(), o, pool.PristineSnapshot); !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("restoring the pool's own: %v", err)
	}
	if err := r.b.DeleteSnapshot(t.Context(), o, pool.PristineSnapshot); !errors.Is(err, pool.ErrNotFound) {
		t.Errorf("deleting the pool's own: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.b.CreateSnapshot(ctx, o, "late"); err == nil {
		t.Error("one was taken for somebody who had left")
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.b.CreateSnapshot(ctx, o, "late"); err == nil {
		t.Error("one was taken for somebody who left meanwhile")
	}
	if got := r.snapshots(o); got != "mine" {
		t.Errorf("its snapshots are %q", got)
	}
	r.run(o, "test -e /root/later")
	gone := r.order(busybox)
	if _, err := r.b.Snapshots(t.Context(), gone); !errors.Is(err, pool.ErrGone) {
		t.Errorf("of an instance that is gone: %v", err)
	}
}

// LXD takes every name that the engine lets through.
func TestLXDTakesTheNamesThatSnapshotsMayHave(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	for _, name := range []pool.SnapshotName{"a", "A.b_c-9", "0", "2026-11-24", pool.SnapshotName(strings.Repeat("x", 63))} {
		r.must(name.Validate())
		r.snapshot(o, name)
		_, err := r.b.RestoreSnapshot(t.Context(), o, name)
		r.must(err)
		r.must(r.b.DeleteSnapshot(t.Context(), o, name))
	}
}

func TestWithoutSpaceThereIsNoHalfSnapshot(t *testing.T) {
	t.Parallel()
	lxc := admin(t)
	name := "small-" + string(pool.NewManagerID())
	lxc.ask(http.MethodPost, "/1.0/storage-pools", api.StoragePoolsPost{Name: name, Driver: "btrfs", StoragePoolPut: api.StoragePoolPut{Config: map[string]string{"size": "120MiB"}}})
	t.Cleanup(func() { lxc.ask(http.MethodDelete, "/1.0/storage-pools/"+name, nil) })
	r := alone(t)
	r.pool = pool.PoolName(name) // its template is in the small storage too
	o := r.order(busybox, "device.root=type=disk,path=/,pool="+name)
	r.create(o)
	r.start(o)
	r.try(o, "dd if=/dev/zero of=/root/big bs=1M count=200")
	_, err := r.b.CreateSnapshot(t.Context(), o, "mine")
	if !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), "no space left on device") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if got := lxc.snapshots(o.Instance); len(got) != 0 {
		t.Errorf("LXD has %v", got)
	}
	r.is(o, pool.Running)
}

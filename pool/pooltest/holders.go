package pooltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// write writes a text into a file of the instance of a lease; read reads it.
func (b *bench) write(id pool.LeaseID, path, text string) {
	b.Helper()
	status, err := b.alice.Exec(b.Context(), id, pool.Command{Args: []string{"tee", path}, Stdin: strings.NewReader(text)})
	if status != 0 || err != nil {
		b.Fatal(status, err)
	}
}

func (b *bench) read(id pool.LeaseID, path string) string {
	b.Helper()
	var out bytes.Buffer
	_, err := b.alice.Exec(b.Context(), id, pool.Command{Args: []string{"cat", path}, Stdout: &out})
	b.must(err)
	return out.String()
}

// HolderService is what a holder does to its instance as a whole.
type HolderService interface {
	Snapshots(ctx context.Context, id pool.LeaseID) ([]pool.Snapshot, error)
	CreateSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (pool.Snapshot, error)
	RestoreSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) (pool.Grant, error)
	DeleteSnapshot(ctx context.Context, id pool.LeaseID, name pool.SnapshotName) error
	Power(ctx context.Context, id pool.LeaseID, r pool.PowerRequest) (pool.Grant, error)
	Info(ctx context.Context, id pool.LeaseID) (*pool.Info, error)
	Log(ctx context.Context, id pool.LeaseID) (string, error)
	Console(ctx context.Context, id pool.LeaseID) (string, error)
}

var holderCases = []testCase{
	{"AHolderGoesBackToASnapshot", func(b *bench) {
		b.create(pool.Spec{Size: 1, MaxSnapshots: 3})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		id := g.Lease.ID
		b.write(id, "/file", "first")
		for _, name := range []pool.SnapshotName{"before", "", ""} {
			s, err := b.alice.CreateSnapshot(b.Context(), id, name)
			b.must(err)
			if s.Created.IsZero() || name != "" && s.Name != name {
				b.Errorf("the snapshot is %+v", s)
			}
		}
		b.write(id, "/file", "second")
		restored, err := b.alice.RestoreSnapshot(b.Context(), id, "before")
		b.must(err)
		if got := b.read(id, "/file"); got != "first" || restored.Lease.ID != id || len(restored.Instance.Place.Addresses) == 0 {
			b.Errorf("it holds %q, and the lease is %+v", got, restored.Lease)
		}
		_, atLimit := b.alice.CreateSnapshot(b.Context(), id, "more")
		b.must(b.alice.DeleteSnapshot(b.Context(), id, "snap0"))
		_, inUse := b.alice.CreateSnapshot(b.Context(), id, "before")
		_, unknown := b.alice.RestoreSnapshot(b.Context(), id, "nope")
		_, pristine := b.alice.RestoreSnapshot(b.Context(), id, pool.PristineSnapshot)
		_, bad := b.alice.CreateSnapshot(b.Context(), id, "../a b")
		for _, c := range []struct{ err, kind error }{
			{atLimit, pool.ErrLimit}, {inUse, pool.ErrExists}, {unknown, pool.ErrNotFound}, {pristine, pool.ErrInvalid}, {bad, pool.ErrInvalid},
			{b.alice.DeleteSnapshot(b.Context(), id, "nope"), pool.ErrNotFound},
			{b.alice.DeleteSnapshot(b.Context(), id, "Pristine"), pool.ErrInvalid},
		} {
			if !errors.Is(c.err, c.kind) || strings.Contains(fmt.Sprint(c.err), "\n") {
				b.Errorf("got %v, not %v", c.err, c.kind)
			}
		}
		list, err := b.alice.Snapshots(b.Context(), id)
		b.must(err)
		if len(list) != 2 || list[0].Name != "before" || list[1].Name != "snap1" {
			b.Errorf("the snapshots are %+v", list)
		}
	}},
	{"SnapshotsEndWithTheLease", func(b *bench) {
		for _, recycle := range []pool.Recycle{pool.ResetToSnapshot, pool.Replace} {
			b.create(pool.Spec{Size: 1, Max: 1, Recycle: recycle})
			g := b.acquire(b.alice, pool.AcquireRequest{})[0]
			_, err := b.alice.CreateSnapshot(b.Context(), g.Lease.ID, "mine")
			b.must(err)
			_, err = b.alice.Release(b.Context(), g.Lease.ID)
			b.must(err)
			if _, err := b.alice.Snapshots(b.Context(), g.Lease.ID); !errors.Is(err, pool.ErrLeaseEnded) {
				b.Errorf("after the end: %v", err)
			}
			b.settle()
			next := b.acquire(b.alice, pool.AcquireRequest{})[0]
			list, err := b.alice.Snapshots(b.Context(), next.Lease.ID)
			b.must(err)
			if len(list) != 0 {
				b.Errorf("with recycle=%s the next holder has %+v", recycle, list)
			}
			b.must(b.root.DeletePool(b.Context(), "ci", true))
		}
	}},
	{"AHolderStopsAndStartsItsInstance", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		power := func(action pool.PowerAction) pool.Grant {
			b.Helper()
			now, err := b.alice.Power(b.Context(), g.Lease.ID, pool.PowerRequest{Action: action})
			b.must(err)
			if now.Lease.ID != g.Lease.ID || now.Lease.Ended != nil {
				b.Errorf("after %s the lease is %+v", action, now.Lease)
			}
			return now
		}
		for _, action := range []pool.PowerAction{pool.PowerStop, pool.PowerPause} {
			now := power(action)
			if off := len(now.Instance.Place.Addresses) == 0; off != (action == pool.PowerStop) {
				b.Errorf("after %s its addresses are %v", action, now.Instance.Place.Addresses)
			}
			time.Sleep(5 * time.Minute)
			b.Restart()
			b.settle()
			_, err := b.alice.Exec(b.Context(), g.Lease.ID, pool.Command{Args: []string{"true"}})
			if !errors.Is(err, pool.ErrNotRunning) || !strings.Contains(err.Error(), "lxd-pool start "+string(g.Lease.ID)) {
				b.Errorf("exec after %s: %v", action, err)
			}
			if on := power(pool.PowerStart); len(on.Instance.Place.Addresses) == 0 {
				b.Error("started, it has no address")
			}
		}
		power(pool.PowerRestart)
		power(pool.PowerResume)
		if _, err := b.alice.Exec(b.Context(), g.Lease.ID, pool.Command{Args: []string{"true"}}); err != nil {
			b.Error(err)
		}
		if _, err := b.alice.Power(b.Context(), g.Lease.ID, pool.PowerRequest{Action: "explode"}); !errors.Is(err, pool.ErrInvalid) {
			b.Errorf("an unknown action: %v", err)
		}
	}},
	{"AHolderSeesWhatItsInstanceDoesAndSays", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.alice.CreateSnapshot(b.Context(), g.Lease.ID, "mine")
		b.must(err)
		info, err := b.alice.Info(b.Context(), g.Lease.ID)
		b.must(err)
		if info.Instance != g.Lease.Instance || info.Status != pool.Running || info.Created == nil || len(info.Network) == 0 || len(info.Snapshots) != 1 || info.Memory != nil {
			b.Errorf("it is %+v", info)
		}
		b.write(g.Lease.ID, "/dev/console", "\x1b[31mhello\x1b[0m\n")
		if console, err := b.alice.Console(b.Context(), g.Lease.ID); console != "hello\n" || err != nil {
			b.Errorf("its console tells %q, %v", console, err)
		}
		if log, err := b.alice.Log(b.Context(), g.Lease.ID); !strings.Contains(log, "start") || err != nil {
			b.Errorf("its log tells %q, %v", log, err)
		}
		_, err = b.alice.Release(b.Context(), g.Lease.ID)
		b.must(err)
		_, ended := b.alice.Info(b.Context(), g.Lease.ID)
		_, unknown := b.alice.Log(b.Context(), "ci.0000000000")
		if !errors.Is(ended, pool.ErrLeaseEnded) || !errors.Is(unknown, pool.ErrNoLease) {
			b.Errorf("after the end: %v; of an unknown lease: %v", ended, unknown)
		}
	}},
	{"ALongRestoreTellsHowFarItIsAndEndsWithTheLease", func(b *bench) {
		b.create(pool.Spec{Size: 1})
		g := b.acquire(b.alice, pool.AcquireRequest{})[0]
		_, err := b.alice.CreateSnapshot(b.Context(), g.Lease.ID, "mine")
		b.must(err)
		var told []string
		ctx := pool.WithProgress(b.Context(), func(p pool.Progress) { told = append(told, p.Stage) })
		restored := make(chan error, 1)
		go func() {
			_, err := b.alice.RestoreSnapshot(ctx, g.Lease.ID, "mine")
			restored <- err
		}()
		synctest.Wait()
		_, err = b.alice.Release(b.Context(), g.Lease.ID)
		b.must(err)
		if err := <-restored; !errors.Is(err, pool.ErrLeaseEnded) {
			b.Errorf("got %v", err)
		}
		if strings.Join(told, ",") != "restoring" {
			b.Errorf("it told of %q", told)
		}
	}},
}

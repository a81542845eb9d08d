package backendtest

import (
	"context"
	"slices"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

// holders does what a holder does to its instance as a whole, as far as the
// backend has the powers.
func (r *room) holders(t *testing.T) {
	power, ok := r.Backend.(pool.Switch)
	if !ok {
		return
	}
	o := r.order(1)
	r.create(t, o)
	place := r.start(t, o)
	do := func(t *testing.T, request pool.PowerRequest) pool.Place {
		t.Helper()
		now, err := power.Switch(bounded(t), o, request)
		must(t, err)
		return now
	}
	t.Run("AHolderPutsItsInstanceIntoAnyStatus", func(t *testing.T) {
		for _, step := range []struct {
			request pool.PowerRequest
			want    pool.Status
		}{
			{pool.PowerRequest{Action: pool.PowerPause}, pool.Frozen},
			{pool.PowerRequest{Action: pool.PowerResume}, pool.Running},
			{pool.PowerRequest{Action: pool.PowerStop, Force: true}, pool.Stopped},
			{pool.PowerRequest{Action: pool.PowerStop, Force: true}, pool.Stopped}, // so it is already
			{pool.PowerRequest{Action: pool.PowerRestart, Force: true}, pool.Running},
			{pool.PowerRequest{Action: pool.PowerPause}, pool.Frozen},
			{pool.PowerRequest{Action: pool.PowerStart}, pool.Running},
		} {
			now := do(t, step.request)
			r.is(t, o, step.want)
			if want := step.want != pool.Stopped && len(place.Addresses) > 0; (len(now.Addresses) > 0) != want {
				t.Errorf("after %s it is at %+v", step.request.Action, now)
			}
		}
	})
	if snapshots, ok := r.Backend.(pool.Snapshotter); ok {
		r.snapshots(t, o, snapshots)
	}
	if look, ok := r.Backend.(pool.Inspector); ok {
		t.Run("ItSaysWhatItDoes", func(t *testing.T) {
			info, err := look.Info(bounded(t), o)
			must(t, err)
			if info.Instance != o.Instance || info.Status != pool.Running || info.Created == nil {
				t.Errorf("it is %+v", info)
			}
			_, err = look.Log(bounded(t), o)
			must(t, err)
			_, err = look.Console(bounded(t), o)
			must(t, err)
		})
	}
	t.Run("OneThatIsStoppedIsNeitherPausedNorResumedNorEntered", func(t *testing.T) {
		do(t, pool.PowerRequest{Action: pool.PowerStop, Force: true})
		for _, action := range []pool.PowerAction{pool.PowerPause, pool.PowerResume} {
			_, err := power.Switch(bounded(t), o, pool.PowerRequest{Action: action})
			expect(t, string(action), err, pool.ErrNotRunning)
		}
		if guest, ok := r.Backend.(pool.Guest); ok {
			_, err := guest.Exec(bounded(t), o, pool.Command{Args: []string{"true"}})
			expect(t, "exec", err, pool.ErrNotRunning)
		}
		must(t, r.Backend.Reset(bounded(t), o))
		r.is(t, o, pool.Stopped)
	})
	if snapshots, ok := r.Backend.(pool.Snapshotter); ok {
		t.Run("AResetLeavesNoSnapshot", func(t *testing.T) {
			list, err := snapshots.Snapshots(bounded(t), o)
			must(t, err)
			if len(list) != 0 {
				t.Errorf("there are %+v", list)
			}
		})
	}
}

func (r *room) snapshots(t *testing.T, o pool.Order, b pool.Snapshotter) {
	names := func() (list []pool.SnapshotName) {
		all, err := b.Snapshots(bounded(t), o)
		must(t, err)
		for _, s := range all {
			list = append(list, s.Name)
		}
		return list
	}
	t.Run("ASnapshotIsTakenOnceAndGoneBackTo", func(t *testing.T) {
		s, err := b.CreateSnapshot(bounded(t), o, "mine")
		must(t, err)
		if s.Name != "mine" || s.Created.IsZero() {
			t.Errorf("it is %+v", s)
		}
		_, err = b.CreateSnapshot(bounded(t), o, "mine")
		expect(t, "taking it again", err, pool.ErrExists)
		r.soil(t, o)
		_, err = b.RestoreSnapshot(bounded(t), o, "mine")
		must(t, err)
		r.is(t, o, pool.Running)
		r.clean(t, o)
	})
	t.Run("ThePoolsOwnSnapshotIsNoneOfTheHolders", func(t *testing.T) {
		_, err := b.RestoreSnapshot(bounded(t), o, pool.PristineSnapshot)
		expect(t, "restore", err, pool.ErrNotFound)
		expect(t, "delete", b.DeleteSnapshot(bounded(t), o, pool.PristineSnapshot), pool.ErrNotFound)
	})
	t.Run("ACallerWhoLeftHasTakenNone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := b.CreateSnapshot(ctx, o, "late")
		expect(t, "create", err, context.Canceled)
		if got := names(); !slices.Equal(got, []pool.SnapshotName{"mine"}) {
			t.Errorf("there are %v", got)
		}
	})
	t.Run("ADeletedOneIsGone", func(t *testing.T) {
		_, err := b.CreateSnapshot(bounded(t), o, "other")
		must(t, err)
		must(t, b.DeleteSnapshot(bounded(t), o, "mine"))
		expect(t, "deleting it again", b.DeleteSnapshot(bounded(t), o, "mine"), pool.ErrNotFound)
		if got := names(); !slices.Equal(got, []pool.SnapshotName{"other"}) {
			t.Errorf("there are %v", got)
		}
	})
}

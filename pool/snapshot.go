package pool

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Snapshotter is a power that a [Backend] may have: to take snapshots of an
// instance for its holder, and to put it back to one. The pool's own snapshot,
// [PristineSnapshot], is none of them.
//
// Errors: [ErrNotFound] when there is none of that name.
type Snapshotter interface {
	// Snapshots returns the holder's snapshots, oldest first.
	Snapshots(ctx context.Context, o Order) ([]Snapshot, error)
	// CreateSnapshot takes a snapshot of the instance, whatever it is doing;
	// [ErrExists] if there is one of that name. After an error, also
	// that of ctx, there is none that was not there before.
	CreateSnapshot(ctx context.Context, o Order, name SnapshotName) (Snapshot, error)
	// RestoreSnapshot nil: the instance has the files and the config that it had
	// when the snapshot was taken. One that ran or was paused was started again
	// and is usable; one that was stopped is stopped. Its snapshots stay. The
	// Place is as with [Switch].
	RestoreSnapshot(ctx context.Context, o Order, name SnapshotName) (Place, error)
	// DeleteSnapshot nil: the instance has no such snapshot any more.
	DeleteSnapshot(ctx context.Context, o Order, name SnapshotName) error
}

// Snapshot is one that a holder took of its instance. It ends with the lease.
type Snapshot struct {
	Name    SnapshotName `json:"name"`
	Created time.Time    `json:"created"`
	// Size is how many bytes it takes beside the instance, 0 if nobody knows.
	Size int64 `json:"size,omitempty"`
}

// SnapshotName names a snapshot of an instance: letters, digits, and ".", "_"
// and "-" within, at most 63 of them. LXD takes all of these.
type SnapshotName string

// PristineSnapshot names the snapshot that a pool with recycle=reset goes back
// to. A holder neither sees nor touches it, nor any whose name begins with
// "lxd-pool-", of which backends may take some for a while.
const PristineSnapshot SnapshotName = "pristine"

var snapshotNamePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// Validate reports, as an [ErrInvalid], why n cannot name a holder's snapshot.
func (n SnapshotName) Validate() error {
	switch {
	case strings.EqualFold(string(n), string(PristineSnapshot)), strings.HasPrefix(strings.ToLower(string(n)), "lxd-pool-"):
		return Invalidf("use another name", "cannot use %q as the name of a snapshot: the pool keeps its own under it", string(n))
	case !snapshotNamePattern.MatchString(string(n)):
		return Invalidf(`use 1 to 63 letters, digits, ".", "_" and "-", beginning and ending with a letter or a digit`,
			"cannot use %q as the name of a snapshot: it is not a name that LXD would take", string(n))
	}
	return nil
}

// Snapshots returns the snapshots that were taken through a running lease,
// oldest first.
func (m *Manager) Snapshots(ctx context.Context, id LeaseID) ([]Snapshot, error) {
	return act(ctx, m, id, "list snapshots", func(ctx context.Context, power Snapshotter, s *session) ([]Snapshot, error) {
		return power.Snapshots(ctx, s.order)
	})
}

// CreateSnapshot takes a snapshot of the instance of a running lease, whether it
// runs or not. Without a name it gets the next of snap0, snap1 and so on. There
// may be as many as the spec's max-snapshots; all are gone when the lease has
// ended. After an error there is no new one.
func (m *Manager) CreateSnapshot(ctx context.Context, id LeaseID, name SnapshotName) (Snapshot, error) {
	if name != "" {
		if err := name.Validate(); err != nil {
			return Snapshot{}, err
		}
	}
	return actAlone(ctx, m, id, "take a snapshot", func(ctx context.Context, power Snapshotter, s *session) (Snapshot, error) {
		before, err := power.Snapshots(ctx, s.order)
		if err != nil {
			return Snapshot{}, err
		}
		if most := s.order.Spec.MaxSnapshots; len(before) >= most {
			return Snapshot{}, Errorf(ErrLimit,
				fmt.Sprintf(`delete one, or have an operator raise it with "lxd-pool set %s max-snapshots=%d"`, s.order.Pool, most+1),
				"cannot take a snapshot of instance %s: it has %d, as many as its pool allows", s.order.Instance, len(before))
		}
		return power.CreateSnapshot(ctx, s.order, cmp.Or(name, nextSnapshot(before)))
	})
}

// nextSnapshot returns the name after the last of those that were not chosen.
func nextSnapshot(list []Snapshot) SnapshotName {
	next := 0
	for _, s := range list {
		digits, ok := strings.CutPrefix(string(s.Name), "snap")
		if n, err := strconv.ParseUint(digits, 10, 31); ok && err == nil {
			next = max(next, int(n)+1)
		}
	}
	return SnapshotName(fmt.Sprintf("snap%d", next))
}

// RestoreSnapshot puts the instance of a running lease back to a snapshot taken
// through it. An instance that ran or was paused runs afterwards and is usable,
// with the addresses in the answer; one that was stopped is stopped. The lease
// and the snapshots stay as they are.
func (m *Manager) RestoreSnapshot(ctx context.Context, id LeaseID, name SnapshotName) (Grant, error) {
	if err := name.Validate(); err != nil {
		return Grant{}, err
	}
	return actAlone(ctx, m, id, "restore a snapshot", func(ctx context.Context, power Snapshotter, s *session) (Grant, error) {
		now, err := power.RestoreSnapshot(ctx, s.order, name)
		return m.changed(ctx, s, "was put back to snapshot "+string(name), now, err)
	})
}

// DeleteSnapshot deletes a snapshot that was taken through a running lease.
func (m *Manager) DeleteSnapshot(ctx context.Context, id LeaseID, name SnapshotName) error {
	if err := name.Validate(); err != nil {
		return err
	}
	_, err := actAlone(ctx, m, id, "delete a snapshot", func(ctx context.Context, power Snapshotter, s *session) (struct{}, error) {
		return struct{}{}, power.DeleteSnapshot(ctx, s.order, name)
	})
	return err
}

package crash

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Check compares what the holders were answered with what the daemon says, and
// notes every promise that it finds broken. No holder may be at work.
func (b *Book) Check(ctx context.Context, c *client.Client) error {
	running, err := c.Leases(ctx, "", false)
	if err != nil {
		return err
	}
	b.checkRunning(running)
	if err := b.checkReleased(ctx, c); err != nil {
		return err
	}
	b.checkExclusive()
	return nil
}

// checkRunning: every lease that was answered and not given back runs on, as it
// was answered, and no other does.
func (b *Book) checkRunning(running []*api.Lease) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := map[pool.LeaseID]*api.Lease{}
	for _, l := range running {
		left[l.ID] = l
	}
	for id, e := range b.entries {
		l := left[id]
		delete(left, id)
		switch {
		case !e.leaving.IsZero():
			if l != nil {
				b.faults = append(b.faults, fmt.Sprintf("lease %s was released and runs on", id))
			}
		case l == nil:
			b.faults = append(b.faults, fmt.Sprintf("lost: lease %s on %s was answered and is gone", id, e.lease.Instance))
		case l.Instance != e.lease.Instance || l.Fence != e.lease.Fence:
			b.faults = append(b.faults, fmt.Sprintf("lease %s was answered as %s with fence %d and is %s with fence %d",
				id, e.lease.Instance, e.lease.Fence, l.Instance, l.Fence))
		}
	}
	for id, l := range left {
		b.faults = append(b.faults, fmt.Sprintf("leaked: lease %s on %s runs, and no holder was ever told of it", id, l.Instance))
	}
}

// checkReleased: every lease whose release was answered has ended by that.
func (b *Book) checkReleased(ctx context.Context, c *client.Client) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.entries {
		if !e.released {
			continue
		}
		l, err := c.Lease(ctx, id)
		if err != nil {
			return fmt.Errorf("lease %s, which was released: %w", id, err)
		}
		if l.Ended == nil || l.Ended.Cause != pool.Released {
			b.faults = append(b.faults, fmt.Sprintf("lease %s was released, but the daemon has it as ended by %+v", id, l.Ended))
		}
	}
	return nil
}

// checkExclusive: no two holders had an instance at the same time, and its
// fence grew from each to the next.
func (b *Book) checkExclusive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	by := map[pool.InstanceName][]*entry{}
	for _, e := range b.entries {
		by[e.lease.Instance] = append(by[e.lease.Instance], e)
	}
	for name, list := range by {
		slices.SortFunc(list, func(x, y *entry) int {
			return cmp.Or(cmp.Compare(x.lease.Fence, y.lease.Fence), x.granted.Compare(y.granted))
		})
		for i := 1; i < len(list); i++ {
			before, after := list[i-1], list[i]
			if before.leaving.IsZero() || before.leaving.After(after.granted) || before.lease.Fence == after.lease.Fence {
				b.faults = append(b.faults, fmt.Sprintf("doubled: %s was given to lease %s (fence %d) and to lease %s (fence %d) at once",
					name, before.lease.ID, before.lease.Fence, after.lease.ID, after.lease.Fence))
			}
		}
	}
}

// CheckWorld compares the instances that the daemon knows, at rest, with what
// is really there, and notes what is missing or left over.
func (b *Book) CheckWorld(known []*api.Instance, seen []pool.Seen) {
	there := map[pool.InstanceName]pool.Seen{}
	for _, s := range seen {
		if s.Template == "" {
			there[s.Name] = s
		}
	}
	for _, in := range known {
		s, ok := there[in.Name]
		delete(there, in.Name)
		switch {
		case !ok:
			b.fault("lost: instance %s is %s for the daemon and is not there", in.Name, in.State)
		case s.Status != pool.Running:
			b.fault("instance %s is %s for the daemon and %s in truth", in.Name, in.State, s.Status)
		}
	}
	for name, s := range there {
		b.fault("leaked: instance %s of pool %s is there, and the daemon does not know it", name, s.Pool)
	}
}

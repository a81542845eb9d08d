package simbackend

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Start implements [pool.Backend].
func (b *Backend) Start(ctx context.Context, o pool.Order) (place pool.Place, err error) {
	err = b.change(ctx, Start, o, deed{
		begin: func() (bool, error) {
			in, err := b.find(Start, o)
			switch {
			case err != nil:
				return false, err
			case !in.Made:
				return false, b.wedge(in)
			}
			running := *in
			running.Status = pool.Running
			place = running.place()
			return in.Status == standby(o.Spec) && in.ailment(o.Spec) == "", nil
		},
		end:  func() error { return b.endStart(o) },
		more: func() time.Duration { return b.probeTime(o) },
	})
	if err == nil {
		return place, nil
	}
	return pool.Place{}, err
}

// endStart leaves an instance running that did not become usable.
func (b *Backend) endStart(o pool.Order) error {
	ailment := ""
	err := b.alter(Start, keyOf(o), func(in *instance) {
		in.boot()
		if ailment = in.ailment(o.Spec); ailment == "" {
			in.Status = standby(o.Spec)
		}
	})
	if err == nil && ailment != "" {
		err = failed(Start, o.Instance, fmt.Sprintf("it was not usable within %s: %s", o.Spec.ReadyTimeout, ailment))
	}
	return err
}

func (in *instance) boot() { in.Status, in.Used, in.LastUsed = pool.Running, true, time.Now() }

// ailment says why the instance would not be usable, "" when it would be. Of
// all probes, "false" and "exit N" are known to fail.
func (in *instance) ailment(s *pool.Spec) string {
	probe, status, _ := strings.Cut(s.Probe, " ")
	switch {
	case in.Sick, probe == "false":
		return "its probe failed with status 1"
	case probe == "exit" && status != "0":
		return "its probe failed with status " + status
	}
	return ""
}

// probeTime is how long a start waits for a probe that keeps failing.
func (b *Backend) probeTime(o pool.Order) time.Duration {
	if in := b.world.instances[keyOf(o)]; in != nil && in.ailment(o.Spec) != "" {
		return time.Duration(o.Spec.ReadyTimeout)
	}
	return 0
}

// wedge is what LXD does with an instance that was never finished: its start
// fails and leaves something behind that no delete can remove.
func (b *Backend) wedge(in *instance) error {
	b.accuse("start of %s, whose making was never finished", in.Name)
	if err := b.alter(Start, in.key(), func(in *instance) { in.Wedged = true }); err != nil {
		return err
	}
	return failed(Start, in.Name, "lstat rootfs: no such file or directory")
}

// Wake implements [pool.Backend].
func (b *Backend) Wake(ctx context.Context, o pool.Order) error {
	return b.change(ctx, Wake, o, deed{
		begin: func() (bool, error) {
			in, err := b.find(Wake, o)
			switch {
			case err != nil:
				return false, err
			case !in.active():
				return false, failed(Wake, o.Instance, "it is "+string(in.Status))
			}
			return in.Status == pool.Running, nil
		},
		end: func() error {
			return b.alter(Wake, keyOf(o), func(in *instance) { in.Status = pool.Running })
		},
	})
}

// Check implements [pool.Backend].
func (b *Backend) Check(ctx context.Context, o pool.Order) error {
	return b.look(ctx, Check, o.Instance, func() error {
		in, err := b.find(Check, o)
		switch {
		case err != nil:
			return err
		case in.Status != standby(o.Spec):
			return failed(Check, o.Instance, "it is "+string(in.Status))
		case in.Status == pool.Running && in.ailment(o.Spec) != "":
			return failed(Check, o.Instance, in.ailment(o.Spec))
		}
		return nil
	})
}

func standby(s *pool.Spec) pool.Status {
	if s.Standby == pool.StandbyFrozen {
		return pool.Frozen
	}
	return pool.Running
}

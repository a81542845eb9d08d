package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

const (
	// callers is how many acquire and release at the same time.
	callers = 256
	// stormLong is how long a storm lasts, and storms how many there are of each.
	stormLong = time.Second
	storms    = 3
	// served is how many instances the pool has that is asked over its socket.
	served = 10_000
	// callersEach is how many callers share a client.
	callersEach = 16
)

var grantSizes = []int{10, 1_000, 10_000, 100_000}

// grants measures how many leases a second the engine can grant and take back,
// each on the disk before it is answered, on a simulated LXD that takes no time.
func (b *bench) grants(ctx context.Context) (string, error) {
	t := newTable("instances", "pairs a second", "processor time a pair", "acquire p50", "p99", "longest", "mutex-only pool", "aim")
	for _, size := range grantSizes {
		if err := b.grantsOf(ctx, size, t); err != nil {
			return "", err
		}
	}
	fsync, err := syncTime(b.dir)
	if err != nil {
		return "", err
	}
	return t.String() + fmt.Sprintf("\n\nIn between, a write of 4 KiB to the same disk with its fdatasync took %s (p50) and %s (p99).", ms(fsync.p50()), ms(fsync.p99())), nil
}

// grantsOf adds the rows of one size.
func (b *bench) grantsOf(ctx context.Context, size int, t *table) (err error) {
	s, err := openSimulated(ctx, b.dir, size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var ours, theirs []storm
	for range storms {
		got, err := stormOn(ctx, callers, stormLong, s)
		if err != nil {
			return err
		}
		ours = append(ours, got)
		if got, err = stormOn(ctx, callers, stormLong/4, newMutexPool(size)); err != nil {
			return err
		}
		theirs = append(theirs, got)
	}
	stormRow(t, count(size), ours, theirs)
	if size != served {
		return nil
	}
	if ours, err = s.overSocket(ctx); err != nil {
		return err
	}
	stormRow(t, count(size)+", over the socket", ours, theirs)
	return nil
}

func stormRow(t *table, what string, ours, theirs []storm) {
	var rates, mutex []float64
	var each, granted times
	for i := range ours {
		rates, mutex = append(rates, ours[i].rate()), append(mutex, theirs[i].rate())
		each, granted = append(each, ours[i].cpuEach()), append(granted, ours[i].granted...)
	}
	t.row(what, count(int(median(rates))), fmt.Sprintf("%d µs", each.p50().Microseconds()),
		ms(granted.p50()), ms(granted.p99()), ms(granted.at(1)), count(int(median(mutex))), "≥ 5,000, flat")
}

// overSocket is a storm of clients of the same manager.
func (s *simulated) overSocket(ctx context.Context) (all []storm, err error) {
	if err := s.serve(); err != nil {
		return nil, err
	}
	var lenders []lender
	for range callers / callersEach {
		c := &client.Client{Socket: s.socket()}
		defer c.Close()
		lenders = append(lenders, remote{c})
	}
	for range storms {
		got, err := stormOn(ctx, callers, stormLong, lenders...)
		if err != nil {
			return nil, err
		}
		all = append(all, got)
	}
	return all, nil
}

func (s *simulated) once(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	got, err := s.manager.Acquire(ctx, pool.AcquireRequest{Pool: simPool, Holder: "bench", Wait: pool.WaitForever})
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	_, err = s.manager.Release(ctx, got[0].Lease.ID, "bench")
	return took, err
}

// remote is a daemon's pool, reached through a client.
type remote struct{ c *client.Client }

func (r remote) once(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	got, err := r.c.Acquire(ctx, pool.AcquireRequest{Pool: simPool, Wait: pool.WaitForever})
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	_, err = r.c.Release(ctx, got[0].ID)
	return took, err
}

// syncTime measures the least that anything durable on this disk takes.
func syncTime(dir string) (t times, err error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	for i := range 200 {
		err := t.add(func() error {
			if _, err := f.WriteAt(page, int64(i%16)*int64(len(page))); err != nil {
				return err
			}
			return syscall.Fdatasync(int(f.Fd()))
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

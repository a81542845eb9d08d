package main

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// lender is anything that something can be acquired from and released to.
type lender interface {
	// once acquires, releases, and returns how long the acquire took.
	once(ctx context.Context) (time.Duration, error)
}

// storm is what many callers at once got.
type storm struct {
	pairs   int
	took    time.Duration
	cpu     time.Duration // of this process
	granted times
}

func (s storm) rate() float64 { return float64(s.pairs) / s.took.Seconds() }

// cpuEach is what a pair cost in time of a processor.
func (s storm) cpuEach() time.Duration { return s.cpu / time.Duration(max(1, s.pairs)) }

// stormOn has callers acquire and release without a pause, for about that long.
func stormOn(ctx context.Context, callers int, long time.Duration, lenders ...lender) (s storm, err error) {
	var enough atomic.Bool
	timer := time.AfterFunc(long, func() { enough.Store(true) })
	defer timer.Stop()
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	began, cpu := time.Now(), cpuTime()
	for i := range callers {
		group.Go(func() error {
			var mine times
			for !enough.Load() {
				took, err := lenders[i%len(lenders)].once(ctx)
				if err != nil {
					return err
				}
				mine = append(mine, took)
			}
			mu.Lock()
			defer mu.Unlock()
			s.granted = append(s.granted, mine...)
			return nil
		})
	}
	err = group.Wait()
	s.took, s.cpu, s.pairs = time.Since(began), cpuTime()-cpu, len(s.granted)
	return s, err
}

// cpuTime is what this process has used of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no way to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

package client

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

const (
	// comeback is how long a daemon may be away in the middle of an acquire,
	// beyond the time that the caller waits anyway.
	comeback = 30 * time.Second
	// leave is how long to look for leases that were granted to a caller who left.
	leave = 5 * time.Second
)

// Acquire blocks until all the leases that r asks for are granted, its wait or
// ctx ends, or they can never be granted. They are the caller's own, or those of
// r.Holder, which is for operators to name. A daemon that restarts meanwhile is asked again, under the same
// request id, so that nothing is granted twice; the place in the queue is lost.
// When ctx ends, what was granted meanwhile is released.
func (c *Client) Acquire(ctx context.Context, r pool.AcquireRequest) ([]*api.Lease, error) {
	if r.Request == "" {
		r.Request = pool.RequestID(rand.Text())
	}
	start, asked := time.Now(), false
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		leases, err := c.acquireOnce(ctx, r, start)
		if err == nil {
			return leases, nil
		}
		asked = asked || !neverSent(err)
		if asked && ctx.Err() != nil {
			c.giveBack(ctx, r)
			return nil, inTime(ctx, r, err)
		}
		if !asked || !worthRepeating(err) || tooLate(r, start) || !sleep(ctx, pause) {
			return nil, err
		}
	}
}

// acquireOnce asks once, for what is left of the wait.
func (c *Client) acquireOnce(ctx context.Context, r pool.AcquireRequest, start time.Time) ([]*api.Lease, error) {
	if r.Wait > 0 {
		r.Wait = max(0, r.Wait-pool.Duration(time.Since(start)))
	}
	var leases []*api.Lease
	_, err := c.do(ctx, call{op: api.OpAcquire, at: []string{string(r.Pool)}, in: api.NewAcquire(r)}, &leases)
	return leases, err
}

// inTime calls the end of the caller's own time what the engine calls it.
func inTime(ctx context.Context, r pool.AcquireRequest, err error) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	return pool.Errorf(pool.ErrExhausted, `wait longer, or ask "lxd-pool why `+string(r.Pool)+`"`,
		"cannot acquire from pool %s: nothing was granted in time: %w", r.Pool, err)
}

// giveBack releases what was granted to a caller who has left in the same
// moment. The daemon does so by itself when it cannot write its answer; this is
// for an answer that was written and not read.
func (c *Client) giveBack(ctx context.Context, r pool.AcquireRequest) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leave)
	defer cancel()
	leases, err := c.FindLeases(ctx, LeaseFilter{Pool: r.Pool, Request: r.Request, Holder: r.Holder})
	if err != nil {
		return
	}
	for _, l := range leases {
		c.Release(ctx, l.ID)
	}
}

func neverSent(err error) bool {
	_, ok := errors.AsType[notSent](err)
	return ok
}

func worthRepeating(err error) bool {
	return errors.Is(err, pool.ErrUnreachable) || errors.Is(err, pool.ErrClosed)
}

func tooLate(r pool.AcquireRequest, start time.Time) bool {
	return r.Wait >= 0 && time.Since(start) > time.Duration(r.Wait)+comeback
}

// sleep returns false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

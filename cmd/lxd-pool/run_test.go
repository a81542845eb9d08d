package main

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestALeaseIsRenewedAsLongAsItsCommandRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.fill(t, pool.Spec{Size: 1})
		began := time.Now()
		wish := pool.AcquireRequest{Pool: "ci", TTL: pool.Duration(time.Minute)}
		err := b.runOn(t.Context(), wish, pool.Command{Args: []string{"sleep", "3600"}}, newExecOptions())
		if err != nil {
			t.Errorf("the command was cut off after %s: %v", time.Since(began), err)
		}
		if took := time.Since(began); took < time.Hour {
			t.Errorf("the command ran for %s only", took)
		}
		if left, err := b.manager.Leases(t.Context(), ""); err != nil || len(left) != 0 {
			t.Errorf("left are %v, %v", left, err)
		}
	})
}

func TestACommandEndsWithTheMaxTTLOfItsPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.fill(t, pool.Spec{Size: 1, TTL: pool.Duration(time.Minute), MaxTTL: pool.Duration(10 * time.Minute)})
		began := time.Now()
		wish := pool.AcquireRequest{Pool: "ci", TTL: pool.Duration(time.Minute)}
		err := b.runOn(t.Context(), wish, pool.Command{Args: []string{"sleep", "3600"}}, newExecOptions())
		if !errors.Is(err, pool.ErrLeaseEnded) {
			t.Errorf("ended with %v, want that its lease has ended", err)
		}
		if took := time.Since(began); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("the command ran for %s, want the ten minutes of max-ttl", took)
		}
	})
}

func TestASecondSignalToEndGivesTheCommandsUp(t *testing.T) {
	r := newRunning(context.Background())
	defer r.stop()
	r.begin(2)
	r.arrived <- syscall.SIGINT
	for i, to := range r.signals {
		if n := <-to; n != int(syscall.SIGINT) {
			t.Errorf("command %d got signal %d", i, n)
		}
	}
	if r.ctx.Err() != nil {
		t.Error("the first signal gave the commands up")
	}
	r.arrived <- syscall.SIGUSR1
	if n := <-r.signals[0]; n != int(syscall.SIGUSR1) || r.ctx.Err() != nil {
		t.Errorf("a signal that does not ask to end was passed on as %d, and ended the run: %v", n, r.ctx.Err())
	}
	r.arrived <- syscall.SIGTERM
	<-r.ctx.Done()
	if by, ok := errors.AsType[interrupted](context.Cause(r.ctx)); !ok || by.signal != syscall.SIGTERM {
		t.Errorf("it ended by %v", context.Cause(r.ctx))
	}
}

func TestASignalEndsTheWaitForLeases(t *testing.T) {
	r := newRunning(context.Background())
	defer r.stop()
	r.arrived <- syscall.SIGINT
	<-r.ctx.Done()
}

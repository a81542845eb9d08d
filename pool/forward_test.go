package pool_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

var toSSH = pool.Settings{Forwards: []pool.Forward{{Listen: "10.0.0.1:20001", Port: 22}, {Listen: "[2001:db8::1]:20001", Port: 80}}}

func TestPortsLeadToAnInstanceForOneLeaseAndShowInIt(t *testing.T) {
	for _, recycle := range []pool.Recycle{pool.ResetToSnapshot, pool.Replace} {
		t.Run(string(recycle), func(t *testing.T) {
			inWorld(t, simbackend.Options{}, func(w *world) {
				w.create(pool.Spec{Size: 2, Max: 4, Recycle: recycle})
				g := w.acquire(pool.AcquireRequest{Request: "r", Settings: toSSH})[0]
				w.reopen()
				w.settle()
				shown, err := w.m.Lease(w.ctx, g.Lease.ID)
				if err != nil || !slices.Equal(shown.Lease.Forwards, toSSH.Forwards) || !slices.Equal(g.Lease.Forwards, toSSH.Forwards) {
					t.Errorf("the lease has %v and shows %v, %v", g.Lease.Forwards, shown.Lease, err)
				}
				if again := w.acquire(pool.AcquireRequest{Request: "r"})[0]; !slices.Equal(again.Lease.Forwards, toSSH.Forwards) {
					t.Errorf("asked again, it has %v", again.Lease.Forwards)
				}
				if f := w.fork(g, 1)[0]; len(f.Lease.Forwards) != 0 {
					t.Errorf("its fork has %v", f.Lease.Forwards)
				}
				w.settle()
				before := w.status().Counts
				_, err = w.tryAcquire(pool.AcquireRequest{Settings: toSSH})
				if !errors.Is(err, pool.ErrInUse) || !strings.Contains(err.Error(), "cannot forward 10.0.0.1:20001: ") {
					t.Errorf("for another one: %v", err)
				}
				w.settle()
				if got := w.status().Counts; got != before {
					t.Errorf("after that the counts are %+v, and were %+v", got, before)
				}
				w.release(g)
				w.settle()
				w.acquire(pool.AcquireRequest{Settings: toSSH})
			})
		})
	}
}

func TestPortsThatCannotBeForwardedAreRefusedBeforeAnInstanceIsTaken(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 2, Type: pool.VirtualMachine})
		if _, err := w.tryAcquire(pool.AcquireRequest{Settings: toSSH}); !errors.Is(err, pool.ErrUnsupported) {
			t.Errorf("to a virtual machine: %v", err)
		}
		if _, err := w.tryAcquire(pool.AcquireRequest{Count: 2, Settings: toSSH}); !errors.Is(err, pool.ErrInvalid) {
			t.Errorf("to two at once: %v", err)
		}
		w.counts(pool.Counts{Ready: 2})
	})
}

// limited is a backend without the power to forward ports.
type limited struct{ pool.Backend }

func TestABackendThatForwardsNoPortsSaysSo(t *testing.T) {
	lxd := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	p, err := pool.Open(t.Context(), "ci", pool.Spec{Image: "busybox", Size: 1}, pool.Options{Backend: limited{lxd}, Store: memstore.New("m")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Acquire(t.Context(), pool.AcquireRequest{Wait: pool.WaitForever, Settings: toSSH})
	if !errors.Is(err, pool.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// leaseToMove makes a remote "far", a pool "ci" and a lease in it that wrote a file.
func (w *world) leaseToMove(s pool.Spec) pool.Grant {
	w.t.Helper()
	_, err := w.m.AddRemote(w.ctx, pool.NewRemote{Name: "far", URL: "https://far.example:8443", Token: "t"})
	if err != nil {
		w.t.Fatal(err)
	}
	s.Size = max(s.Size, 1)
	w.create(s)
	g := w.acquire(pool.AcquireRequest{TTL: pool.Duration(24 * time.Hour)})[0]
	w.shell(g, "write", "/mark", "here")
	w.settle()
	return g
}

func (w *world) shell(g pool.Grant, args ...string) string {
	w.t.Helper()
	var out strings.Builder
	status, err := w.m.Exec(w.ctx, g.Lease.ID, pool.Command{Args: args, Stdout: &out})
	if err != nil || status != 0 {
		w.t.Fatalf("%v: status %d, %v", args, status, err)
	}
	return strings.TrimSpace(out.String())
}

// members are the instances of an LXD, templates apart, as "name status".
func members(b *simbackend.Backend) []string {
	var list []string
	for _, in := range b.Instances() {
		if in.Template == "" {
			list = append(list, fmt.Sprintf("%s %s", in.Name, in.Status))
		}
	}
	return list
}

// isAt fails the test unless the lease's instance runs there and nowhere else,
// with what its holder wrote.
func (w *world) isAt(g pool.Grant, remote pool.RemoteName, location string) pool.Grant {
	w.t.Helper()
	now, err := w.m.Lease(w.ctx, g.Lease.ID)
	if err != nil || now.Lease.Ended != nil {
		w.t.Fatalf("the lease is %+v, %v", now.Lease, err)
	}
	if now.Instance.Place.Remote != remote || now.Instance.Place.Location != location || now.Instance.Moving != nil {
		w.t.Fatalf("it is at %+v, moving %+v", now.Instance.Place, now.Instance.Moving)
	}
	here, there := w.lxd, w.lxd.Far("far")
	if remote != "" {
		here, there = there, here
	}
	name := g.Lease.Instance
	if at := members(here); !slices.Contains(at, string(name)+" running") {
		w.t.Fatalf("where it is, there is %v", at)
	}
	if at := members(there); slices.ContainsFunc(at, func(one string) bool { return strings.HasPrefix(one, string(name)+" ") }) {
		w.t.Fatalf("where it is not, there is %v", at)
	}
	if mark := w.shell(g, "cat", "/mark"); mark != "here" {
		w.t.Fatalf("its file says %q", mark)
	}
	return now
}

// crash ends the manager as kill -9 does, and begins another.
func (w *world) crash() {
	w.t.Helper()
	old := w.m
	w.store = w.store.Reopen()
	if err := old.Close(); err != nil {
		w.t.Error(err)
	}
	w.open()
}

func (w *world) move(g pool.Grant, to pool.Destination) (pool.Grant, error) {
	return w.m.Move(w.ctx, g.Lease.ID, to)
}

var far = pool.Destination{Remote: "far"}

func TestALeasedInstanceMovesWithItsLeaseAndIsReplacedAfterwards(t *testing.T) {
	for to, where := range map[pool.Destination]pool.Place{
		far:                             {Remote: "far", Location: "sim"},
		{Target: "sim2"}:                {Location: "sim2"},
		{Remote: "far", Target: "sim2"}: {Remote: "far", Location: "sim2"},
	} {
		inWorld(t, simbackend.Options{}, func(w *world) {
			g := w.leaseToMove(pool.Spec{Size: 2, Max: 2, Recycle: pool.ResetToSnapshot, Standby: pool.StandbyFrozen})
			moved, err := w.move(g, to)
			if err != nil {
				t.Fatal(err)
			}
			if moved.Lease.ID != g.Lease.ID || moved.Lease.Fence != g.Lease.Fence || !moved.Lease.Expires.Equal(g.Lease.Expires) {
				t.Fatalf("the lease was %+v and is %+v", g.Lease, moved.Lease)
			}
			w.settle()
			w.isAt(g, where.Remote, where.Location)
			w.counts(pool.Counts{Ready: 1, Leased: 1})
			w.reopen()
			w.settle()
			w.isAt(g, where.Remote, where.Location)
			w.release(g) // which the pool lacks
			w.settle()
			w.counts(pool.Counts{Ready: 2})
			if left := members(w.lxd.Far("far")); len(left) != 0 {
				t.Fatalf("%v are left", left)
			}
			for _, in := range members(w.lxd) {
				if strings.HasPrefix(in, string(g.Lease.Instance)+" ") {
					t.Fatalf("%s was moved, and is used again", in)
				}
			}
		})
	}
}

func TestAnInstanceThatWasMovedAwayCanComeHome(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		for _, to := range []pool.Destination{far, {Remote: pool.Local}} {
			if _, err := w.move(g, to); err != nil {
				t.Fatal(err)
			}
			w.settle()
		}
		w.isAt(g, "", "sim")
	})
}

func TestAMoveThatCannotBeIsRefusedAndChangesNothing(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		w.lxd.LoseMember("sim2", true)
		for to, kind := range map[pool.Destination]error{
			{}:                           pool.ErrInvalid,
			{Remote: pool.Local}:         pool.ErrInvalid,
			{Target: "sim"}:              pool.ErrInvalid,
			{Target: "nowhere"}:          pool.ErrNotFound,
			{Target: "sim2"}:             pool.ErrRejected,
			{Remote: "nowhere"}:          pool.ErrNotFound,
			{Remote: "ubuntu"}:           pool.ErrNotFound,
			{Remote: "far", Target: "x"}: pool.ErrNotFound,
		} {
			if _, err := w.move(g, to); !errors.Is(err, kind) {
				t.Errorf("%+v: %v", to, err)
			}
		}
		w.isAt(g, "", "sim")
	})
}

func TestAFailedOrCancelledMoveLeavesTheInstanceWhereItWasRunning(t *testing.T) {
	for name, spoil := range map[string]func(w *world) context.Context{
		"LXD fails": func(w *world) context.Context {
			w.lxd.SetFault(simbackend.Move, simbackend.Fault{Fail: 1})
			return w.ctx
		},
		"LXD stops half way": func(w *world) context.Context {
			w.lxd.SetFault(simbackend.Move, simbackend.Fault{Half: 1})
			return w.ctx
		},
		"the answer is lost": func(w *world) context.Context {
			w.lxd.SetFault(simbackend.Move, simbackend.Fault{Lose: 1})
			return w.ctx
		},
		"the caller leaves": func(w *world) context.Context {
			ctx, cancel := context.WithCancel(w.ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx
		},
	} {
		for _, to := range []pool.Destination{far, {Target: "sim2"}} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, simbackend.Options{}, func(w *world) {
					g := w.leaseToMove(pool.Spec{})
					if _, err := w.m.Move(spoil(w), g.Lease.ID, to); err == nil {
						t.Fatal("it worked")
					}
					w.shell(g, "true") // at once: it was brought back before the answer
					w.settle()
					w.isAt(g, "", "sim")
					w.lxd.SetFault(simbackend.Move, simbackend.Fault{})
					time.Sleep(2 * time.Minute) // what was left there has to go first
					if _, err := w.move(g, to); err != nil {
						t.Fatal("again: ", err)
					}
				})
			})
		}
	}
}

func TestNothingElseCanBeDoneWhileAnInstanceIsMoved(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		done := make(chan error, 1)
		go func() { _, err := w.move(g, far); done <- err }()
		time.Sleep(time.Second)
		if _, err := w.m.Exec(w.ctx, g.Lease.ID, pool.Command{Args: []string{"true"}}); !errors.Is(err, pool.ErrInUse) {
			t.Error(err)
		}
		if _, err := w.move(g, pool.Destination{Target: "sim2"}); !errors.Is(err, pool.ErrInUse) {
			t.Error(err)
		}
		if err := w.m.RemoveRemote(w.ctx, "far"); !errors.Is(err, pool.ErrInUse) {
			t.Error(err)
		}
		if _, err := w.m.Renew(w.ctx, g.Lease.ID, 0); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.isAt(g, "far", "sim")
	})
}

func TestALeaseThatEndsWhileItsInstanceIsMovedLeavesNothingAnywhere(t *testing.T) {
	for _, at := range []time.Duration{time.Millisecond, time.Second, 1800 * time.Millisecond, 2500 * time.Millisecond} {
		inWorld(t, simbackend.Options{}, func(w *world) {
			g := w.leaseToMove(pool.Spec{})
			done := make(chan error, 1)
			go func() { _, err := w.move(g, far); done <- err }()
			time.Sleep(at)
			w.release(g)
			if err := <-done; err != nil && !errors.Is(err, pool.ErrLeaseEnded) {
				t.Error(err)
			}
			time.Sleep(3 * time.Minute)
			w.counts(pool.Counts{Ready: 1})
			if left := members(w.lxd.Far("far")); len(left) != 0 {
				t.Errorf("after %s: %v are left", at, left)
			}
		})
	}
}

// TestAManagerThatDiesInAMoveSettlesItWhenItIsBack crashes at every stage: LXD
// goes on with what it has begun.
func TestAManagerThatDiesInAMoveSettlesItWhenItIsBack(t *testing.T) {
	for _, to := range []pool.Destination{far, {Target: "sim2"}} {
		for at := time.Duration(0); at < 4*time.Second; at += 150 * time.Millisecond {
			inWorld(t, simbackend.Options{Seed: uint64(at)}, func(w *world) {
				g := w.leaseToMove(pool.Spec{})
				done := make(chan struct{})
				dying := w.m
				go func() { defer close(done); dying.Move(w.ctx, g.Lease.ID, to) }()
				time.Sleep(at)
				w.crash()
				<-done
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				now, err := w.m.Lease(w.ctx, g.Lease.ID)
				if err != nil {
					t.Fatal(err)
				}
				w.isAt(g, now.Instance.Place.Remote, now.Instance.Place.Location)
				w.counts(pool.Counts{Ready: 1, Leased: 1})
			})
		}
	}
}

func TestARemoteThatIsAwayMakesItsInstancesUnknownAndNothingElse(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		if _, err := w.move(g, far); err != nil {
			t.Fatal(err)
		}
		w.settle()
		watching, stop := context.WithCancel(w.ctx)
		blamed := make(chan bool)
		go func() {
			away := false
			for e := range w.m.Watch(watching) {
				away = away || e.Type == pool.BackendAway
			}
			blamed <- away
		}()
		w.lxd.Far("far").SetAway(true)
		time.Sleep(10 * time.Minute)
		problems := w.status().Problems
		if len(problems) != 1 || problems[0].Code != "remote-away" {
			t.Fatalf("the problems are %+v", problems)
		}
		w.counts(pool.Counts{Ready: 1, Leased: 1})
		other := w.acquire(pool.AcquireRequest{}) // the pool itself is well
		w.release(other[0])
		w.release(g)
		time.Sleep(2 * time.Minute)
		w.counts(pool.Counts{Ready: 1, Deleting: 1}) // it is counted until it is gone
		w.lxd.Far("far").SetAway(false)
		time.Sleep(6 * time.Minute)
		w.counts(pool.Counts{Ready: 1})
		if left := members(w.lxd.Far("far")); len(left) != 0 || len(w.status().Problems) != 0 {
			t.Fatalf("left are %v and %+v", left, w.status().Problems)
		}
		if stop(); <-blamed {
			t.Error("the LXD of the pools was taken for away")
		}
	})
}

func TestAnInstanceThatVanishesOnARemoteEndsItsLease(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		if _, err := w.move(g, far); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.lxd.Far("far").Remove(g.Lease.Instance)
		time.Sleep(3 * time.Minute)
		if now, err := w.m.Lease(w.ctx, g.Lease.ID); err != nil || now.Lease.Ended == nil || now.Lease.Ended.Cause != pool.Vanished {
			t.Fatalf("%+v, %v", now.Lease, err)
		}
	})
}

func TestWhatNobodyRemembersOnARemoteIsDeletedAlsoWhenItsNameIsInUseElsewhere(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		if _, err := w.move(g, far); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.lxd.AddTagged(g.Lease.Instance, "m1", "ci")
		w.lxd.Far("far").AddTagged("ci-abcd-77", "m1", "ci")
		w.lxd.Far("far").AddUntagged("mine")
		time.Sleep(3 * time.Minute)
		w.isAt(g, "far", "sim")
		if at := members(w.lxd.Far("far")); len(at) != 2 {
			t.Fatalf("on the remote there is %v", at)
		}
	})
}

func TestAMovedInstanceCanBeStoppedAndStartedWhereItIsAndIsPublishedAtHomeOnly(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{})
		if _, err := w.move(g, far); err != nil {
			t.Fatal(err)
		}
		for _, action := range []pool.PowerAction{pool.PowerStop, pool.PowerStart} {
			if _, err := w.m.Power(w.ctx, g.Lease.ID, pool.PowerRequest{Action: action}); err != nil {
				t.Fatal(action, err)
			}
		}
		w.settle()
		w.isAt(g, "far", "sim")
		p := pool.PublishImage{NewImage: pool.NewImage{Aliases: []string{"mine"}}, Operator: true}
		if _, err := w.m.Publish(w.ctx, g.Lease.ID, p); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "local:") {
			t.Errorf("published there: %v", err)
		}
		if _, err := w.move(g, pool.Destination{Remote: pool.Local}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Publish(w.ctx, g.Lease.ID, p); err != nil {
			t.Errorf("published at home: %v", err)
		}
	})
}

func TestAForkOfAMovedInstanceIsMadeWhereThatIs(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		g := w.leaseToMove(pool.Spec{Max: 9})
		if _, err := w.move(g, far); err != nil {
			t.Fatal(err)
		}
		w.settle()
		forks, err := w.m.Fork(w.ctx, pool.ForkRequest{Lease: g.Lease.ID, Count: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range forks {
			w.isAt(f, "far", "sim")
			w.release(f)
		}
		w.settle()
		w.isAt(g, "far", "sim")
		w.counts(pool.Counts{Ready: 1, Leased: 1})
	})
}

func TestAPoolWhoseRemoteIsAwayIsBuriedWhenThatIsBack(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.close()
		var log strings.Builder
		var err error
		w.m, err = pool.NewManager(w.ctx, pool.Options{Backend: w.lxd, Store: w.store, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		g := w.leaseToMove(pool.Spec{})
		if _, err := w.move(g, far); err != nil {
			t.Fatal(err)
		}
		w.release(g)
		w.settle()
		w.lxd.Far("far").SetAway(true)
		gone := make(chan error, 1)
		go func() { gone <- w.m.DeletePool(w.ctx, "ci", false, "root") }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tried := strings.Count(log.String(), "cannot delete what is left"); tried < 10 || tried > 100 {
			t.Errorf("it was tried %d times in ten minutes", tried)
		}
		e, text := w.why()
		if len(e.Next) != 1 || !strings.Contains(text, "on remote far: ") || !strings.Contains(e.Next[0], "lxd-pool remote remove far") {
			t.Errorf("why says\n%s", text)
		}
		w.lxd.Far("far").SetAway(false)
		if err := <-gone; err != nil {
			t.Error(err)
		}
	})
}

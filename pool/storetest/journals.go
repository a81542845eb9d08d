package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func whatWasCommittedIsThereAfterAClose(t *testing.T, d Disk) {
	s := d.Open(t)
	j := opened(t, s, "ci")
	commit(t, j, leased("ci-1", "ci.a"))
	closed(t, j)
	closed(t, s)
	s = d.Open(t)
	defer s.Close()
	expect(t, load(t, opened(t, s, "ci")), memoryOf(leased("ci-1", "ci.a")))
}

func whatWasCommittedIsThereAfterACrash(t *testing.T, d Disk) {
	s := d.Open(t)
	j := opened(t, s, "ci")
	commit(t, j, leased("ci-1", "ci.a"))
	commit(t, j, leased("ci-2", "ci.b"))
	s = d.Crash(t, s)
	defer s.Close()
	expect(t, load(t, opened(t, s, "ci")), memoryOf(leased("ci-1", "ci.a"), leased("ci-2", "ci.b")))
}

func everyFieldSurvives(t *testing.T, d Disk) {
	b := &pool.Batch{
		Record:    filled[pool.Record](t),
		Instances: map[pool.InstanceName]*pool.Instance{},
		Leases:    map[pool.LeaseID]*pool.Lease{},
	}
	in, l := filled[pool.Instance](t), filled[pool.Lease](t)
	b.Instances[in.Name], b.Leases[l.ID] = in, l
	s := d.Open(t)
	commit(t, opened(t, s, "ci"), b)
	s = d.Crash(t, s)
	defer s.Close()
	got := load(t, opened(t, s, "ci"))
	same(t, got.Record, b.Record)
	same(t, got.Instances[in.Name], in)
	same(t, got.Leases[l.ID], l)
}

func aNilValueRemoves(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	commit(t, j, leased("ci-1", "ci.a"))
	commit(t, j, leased("ci-2", "ci.b"))
	commit(t, j, &pool.Batch{
		Instances: map[pool.InstanceName]*pool.Instance{"ci-1": nil, "never-there": nil},
		Leases:    map[pool.LeaseID]*pool.Lease{"ci.a": nil, "ci.never": nil},
	})
	expect(t, load(t, j), memoryOf(leased("ci-2", "ci.b")))
}

func whatIsNotInABatchStays(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	record := &pool.Batch{Record: &pool.Record{Spec: pool.Spec{Image: "busybox"}, Created: day, Alive: day}}
	commit(t, j, record)
	commit(t, j, leased("ci-1", "ci.a"))
	commit(t, j, &pool.Batch{})
	expect(t, load(t, j), memoryOf(record, leased("ci-1", "ci.a")))
}

// aBatchIsSeenAsAWhole moves one lease from instance to instance while others
// read: each reader finds it on the one instance that it names.
func aBatchIsSeenAsAWhole(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	names := []pool.InstanceName{"ci-1", "ci-2"}
	commit(t, j, leased(names[1], "ci.a"))
	ended := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				m, err := j.Load(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				if on := m.Leases["ci.a"].Instance; len(m.Instances) != 1 || m.Instances[on] == nil {
					t.Errorf("the lease runs on %s, and there are %d instances", on, len(m.Instances))
					return
				}
				select {
				case <-ended:
					return
				default:
				}
			}
		})
	}
	for i := range 100 {
		b := leased(names[i%2], "ci.a")
		b.Instances[names[(i+1)%2]] = nil
		commit(t, j, b)
	}
	close(ended)
	readers.Wait()
}

func aCommitThatCameTooLateWritesNothing(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := j.Commit(ctx, leased("ci-1", "ci.a")); !errors.Is(err, context.Canceled) {
		t.Errorf("the commit returned %v", err)
	}
	closed(t, j)
	expect(t, load(t, opened(t, s, "ci")), pool.NewMemory())
}

func whatLoadReturnedIsTheCallersOwn(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	commit(t, j, leased("ci-1", "ci.a"))
	m := load(t, j)
	clear(m.Instances)
	clear(m.Leases)
	m.Record = &pool.Record{}
	expect(t, load(t, j), memoryOf(leased("ci-1", "ci.a")))
}

func aSecondWriterIsRefused(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	if _, err := s.Open(context.Background(), "ci"); !errors.Is(err, pool.ErrLocked) {
		t.Errorf("the second one got %v", err)
	}
	commit(t, j, leased("ci-1", "ci.a"))
	closed(t, j)
	expect(t, load(t, opened(t, s, "ci")), memoryOf(leased("ci-1", "ci.a")))
}

func aClosedJournalRefusesAndIsNotLost(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	closed(t, j)
	closed(t, j)
	if err := j.Commit(context.Background(), leased("ci-1", "ci.a")); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("it took a commit: %v", err)
	}
	if _, err := j.Load(context.Background()); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("it could be loaded: %v", err)
	}
	select {
	case <-j.Lost():
		t.Error("a journal that was closed says that it was lost")
	default:
	}
	// What is closed twice does not close what was opened in between.
	next := opened(t, s, "ci")
	closed(t, j)
	commit(t, next, leased("ci-1", "ci.a"))
}

func journalsDoNotMixWhenUsedAtOnce(t *testing.T, d Disk) {
	s := d.Open(t)
	names := []pool.PoolName{"a", "b", "c", "d"}
	var writers sync.WaitGroup
	for _, name := range names {
		writers.Go(func() {
			j, err := s.Open(context.Background(), name)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 20 {
				if err := j.Commit(context.Background(), numbered(name, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	s = d.Crash(t, s)
	defer s.Close()
	if got, err := s.Pools(context.Background()); err != nil || !slices.Equal(got, names) {
		t.Errorf("the pools are %q, %v", got, err)
	}
	for _, name := range names {
		want := pool.NewMemory()
		for i := range 20 {
			numbered(name, i).Apply(want)
		}
		expect(t, load(t, opened(t, s, name)), want)
	}
}

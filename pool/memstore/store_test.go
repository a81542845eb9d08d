package memstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
)

func open(t *testing.T, s *memstore.Store) pool.Journal {
	t.Helper()
	j, err := s.Open(t.Context(), "ci")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func one(name pool.InstanceName) *pool.Batch {
	return &pool.Batch{Instances: map[pool.InstanceName]*pool.Instance{name: {Name: name, State: pool.Ready}}}
}

func fails(s *memstore.Store, f memstore.Fault) {
	s.OnCommit(func(pool.PoolName, *pool.Batch) memstore.Fault { return f })
}

func count(t *testing.T, j pool.Journal) int {
	t.Helper()
	m, err := j.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return len(m.Instances)
}

func TestAFaultDecidesWhetherAFailedCommitWasWritten(t *testing.T) {
	for fault, want := range map[memstore.Fault]int{
		memstore.FailBefore: 0, memstore.FailAfter: 1, memstore.LoseBefore: 0, memstore.LoseAfter: 1,
	} {
		s := memstore.New("m")
		j := open(t, s)
		fails(s, fault)
		if err := j.Commit(t.Context(), one("a")); err == nil {
			t.Errorf("fault %d: the commit succeeded", fault)
		}
		s.OnCommit(nil)
		if err := j.Commit(t.Context(), one("b")); err == nil {
			t.Errorf("fault %d: the journal took a commit after one had failed", fault)
		}
		j.Close()
		if got := count(t, open(t, s)); got != want {
			t.Errorf("fault %d: %d instances are in the journal, want %d", fault, got, want)
		}
	}
}

func TestTheRightToWriteIsLostInSightOfTheWriter(t *testing.T) {
	s := memstore.New("m")
	j := open(t, s)
	s.Lose("ci")
	select {
	case <-j.Lost():
	default:
		t.Error("Lost is not closed")
	}
	if err := j.Commit(t.Context(), one("a")); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("a commit without the right to gave %v", err)
	}
	if got := count(t, open(t, s)); got != 0 {
		t.Errorf("it was written all the same: %d", got)
	}
}

func TestANextLifeFindsWhatWasCommittedAndShutsTheFormerOut(t *testing.T) {
	s := memstore.New("m")
	j := open(t, s)
	if err := j.Commit(t.Context(), one("a")); err != nil {
		t.Fatal(err)
	}
	next := s.Reopen()
	if err := j.Commit(t.Context(), one("b")); err == nil {
		t.Error("the former life could still write")
	}
	select {
	case <-j.Lost():
	default:
		t.Error("the former life was not told")
	}
	if got := count(t, open(t, next)); got != 1 || next.Manager() != "m" {
		t.Errorf("the next life found %d instances of %q", got, next.Manager())
	}
}

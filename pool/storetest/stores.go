package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func aNewStoreHasAManagerAndNoPools(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	if s.Manager() == "" {
		t.Error("it has no manager")
	}
	if got, err := s.Pools(context.Background()); err != nil || len(got) != 0 {
		t.Errorf("it has the pools %q, %v", got, err)
	}
}

func theManagerStaysTheSame(t *testing.T, d Disk) {
	s := d.Open(t)
	first := s.Manager()
	closed(t, s)
	s = d.Open(t)
	second := s.Manager()
	s = d.Crash(t, s)
	defer s.Close()
	if second != first || s.Manager() != first {
		t.Errorf("it was %q, then %q, then %q", first, second, s.Manager())
	}
}

func aJournalIsEmptyAndListedOnceItWasOpened(t *testing.T, d Disk) {
	s := d.Open(t)
	expect(t, load(t, opened(t, s, "ci")), pool.NewMemory())
	s = d.Crash(t, s)
	defer s.Close()
	if got, err := s.Pools(context.Background()); err != nil || len(got) != 1 || got[0] != "ci" {
		t.Errorf("the pools are %q, %v", got, err)
	}
	expect(t, load(t, opened(t, s, "ci")), pool.NewMemory())
}

func aClosedStoreRefusesAndClosesItsJournals(t *testing.T, d Disk) {
	s := d.Open(t)
	j := opened(t, s, "ci")
	closed(t, s)
	closed(t, s)
	ctx := context.Background()
	_, open := s.Open(ctx, "other")
	_, pools := s.Pools(ctx)
	for what, err := range map[string]error{
		"open": open, "pools": pools, "remove": s.Remove(ctx, "ci"),
		"commit": j.Commit(ctx, leased("ci-1", "ci.a")),
	} {
		if !errors.Is(err, pool.ErrClosed) {
			t.Errorf("%s got %v", what, err)
		}
	}
	closed(t, j)
}

func aRemovedJournalIsGone(t *testing.T, d Disk) {
	s := d.Open(t)
	j := opened(t, s, "ci")
	commit(t, j, leased("ci-1", "ci.a"))
	commit(t, opened(t, s, "other"), leased("other-1", "other.a"))
	closed(t, j)
	for range 2 { // the second time there is none
		if err := s.Remove(context.Background(), "ci"); err != nil {
			t.Fatal(err)
		}
	}
	s = d.Crash(t, s)
	defer s.Close()
	if got, err := s.Pools(context.Background()); err != nil || len(got) != 1 || got[0] != "other" {
		t.Errorf("the pools are %q, %v", got, err)
	}
	expect(t, load(t, opened(t, s, "ci")), pool.NewMemory())
	expect(t, load(t, opened(t, s, "other")), memoryOf(leased("other-1", "other.a")))
}

func anOpenJournalIsNotRemoved(t *testing.T, d Disk) {
	s := d.Open(t)
	defer s.Close()
	j := opened(t, s, "ci")
	commit(t, j, leased("ci-1", "ci.a"))
	if err := s.Remove(context.Background(), "ci"); !errors.Is(err, pool.ErrLocked) {
		t.Errorf("removing it gave %v", err)
	}
	expect(t, load(t, j), memoryOf(leased("ci-1", "ci.a")))
}

package boltstore_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
)

func journal(t *testing.T, s *boltstore.Store, name pool.PoolName) pool.Journal {
	t.Helper()
	j, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// filled makes a store with the pool "ci" of n leased instances, and closes it.
func filled(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	j := journal(t, s, "ci")
	if err := j.Commit(t.Context(), batch(0, n)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func ciFile(dir string) string { return filepath.Join(dir, "pools", "ci.db") }

func TestAStoreThatIsOpenElsewhereIsRefusedAtOnce(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := boltstore.Open(dir, boltstore.Options{})
	if !errors.Is(err, pool.ErrLocked) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another daemon") {
		t.Fatalf("the second one got %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestOnlyTheOwnerCanReadTheState(t *testing.T) {
	dir := filled(t, 1)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", path, mode)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAManagerIsDrawnOnceForEachStore(t *testing.T) {
	if a, b := open(t, t.TempDir()), open(t, t.TempDir()); a.Manager() == b.Manager() {
		t.Errorf("two stores have the manager %s", a.Manager())
	}
	dir := t.TempDir()
	for _, wish := range []pool.ManagerID{"chosen", "too-late"} {
		s, err := boltstore.Open(dir, boltstore.Options{Manager: wish})
		if err != nil {
			t.Fatal(err)
		}
		if s.Manager() != "chosen" {
			t.Errorf("the manager is %s", s.Manager())
		}
		s.Close()
	}
}

func TestAJournalOfAnotherManagerIsRefused(t *testing.T) {
	dir, other := filled(t, 1), filled(t, 1)
	if err := os.Rename(ciFile(other), ciFile(dir)); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, dir).Open(t.Context(), "ci")
	if !errors.Is(err, pool.ErrCorrupt) || !strings.Contains(err.Error(), "belongs to manager") {
		t.Errorf("got %v", err)
	}
}

func TestANameThatIsNoPoolsReachesNoFile(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []pool.PoolName{"", "../manager", "a/b", "A"} {
		if _, err := s.Open(t.Context(), name); !errors.Is(err, pool.ErrInvalid) {
			t.Errorf("open %q: %v", name, err)
		}
		if err := s.Remove(t.Context(), name); !errors.Is(err, pool.ErrInvalid) {
			t.Errorf("remove %q: %v", name, err)
		}
	}
}

func TestWhatAKilledStartLeftIsSweptAndNotListed(t *testing.T) {
	dir := filled(t, 1)
	left := ciFile(dir) + ".123.new"
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still there")
	}
	if names, err := s.Pools(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("the pools are %q, %v", names, err)
	}
}

func TestAFailedCommitIsSettledByOpeningAgain(t *testing.T) {
	if aside(t) {
		return
	}
	s := open(t, filled(t, 3))
	j := journal(t, s, "ci")
	full(t, func() {
		if err := j.Commit(t.Context(), batch(3, 2000)); err == nil {
			t.Error("a commit to a full disk succeeded")
		}
	})
	if err := j.Commit(t.Context(), batch(3, 1)); err == nil {
		t.Error("the journal took a commit after one had failed")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = journal(t, s, "ci")
	if m, err := j.Load(t.Context()); err != nil || len(m.Instances) != 3 {
		t.Errorf("it holds %v, %v", m, err)
	}
	if err := j.Commit(t.Context(), batch(3, 1)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestANewPoolOnAFullDiskLeavesNothing(t *testing.T) {
	if aside(t) {
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	full(t, func() {
		if _, err := s.Open(t.Context(), "ci"); err == nil || !strings.Contains(err.Error(), "make room") {
			t.Errorf("got %v", err)
		}
	})
	left, err := os.ReadDir(filepath.Join(dir, "pools"))
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	journal(t, s, "ci")
}

// unchanged fails the test when do changes a file.
func unchanged(t *testing.T, path string, do func()) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	do()
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("%s has changed (%v)", path, err)
	}
}

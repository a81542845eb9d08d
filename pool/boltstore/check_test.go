package boltstore_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
)

func TestACheckFindsNothingInASoundStoreAndChangesNothing(t *testing.T) {
	dir := filled(t, 500)
	unchanged(t, ciFile(dir), func() {
		if err := boltstore.Check(dir); err != nil {
			t.Error(err)
		}
	})
}

func TestACheckFindsWhereLeasesAndInstancesDisagree(t *testing.T) {
	const name, id = "ci-x7k-0", "ci.0000000000"
	for want, harm := range map[string]func(in *pool.Instance, l *pool.Lease, b *pool.Batch){
		"":                          func(in *pool.Instance, _ *pool.Lease, b *pool.Batch) { b.Record.Serial++ },
		"which is not there":        func(_ *pool.Instance, _ *pool.Lease, b *pool.Batch) { b.Instances[name] = nil },
		`leased to ""`:              func(in *pool.Instance, _ *pool.Lease, _ *pool.Batch) { in.Lease = "" },
		"which is ready":            func(in *pool.Instance, _ *pool.Lease, _ *pool.Batch) { in.State = pool.Ready },
		"no running lease of it":    func(_ *pool.Instance, l *pool.Lease, _ *pool.Batch) { l.Ended = &pool.Ending{At: time.Unix(1, 0)} },
		"is leased to":              func(_ *pool.Instance, _ *pool.Lease, b *pool.Batch) { b.Leases[id] = nil },
		"has fence 3 and":           func(in *pool.Instance, _ *pool.Lease, _ *pool.Batch) { in.Fence = 4 },
		`belongs to pool "another"`: func(_ *pool.Instance, l *pool.Lease, _ *pool.Batch) { l.Pool = "another" },
	} {
		dir := filled(t, 5)
		s := open(t, dir)
		b := batch(0, 1)
		harm(b.Instances[name], b.Leases[id], b)
		if err := journal(t, s, "ci").Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		err := boltstore.Check(dir)
		if want == "" && err != nil {
			t.Error(err)
		}
		if want != "" && (!errors.Is(err, pool.ErrCorrupt) || !strings.Contains(err.Error(), want)) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}

func TestACheckNeedsAStoreThatNobodyHasOpen(t *testing.T) {
	dir := filled(t, 1)
	open(t, dir)
	if err := boltstore.Check(dir); !errors.Is(err, pool.ErrLocked) {
		t.Errorf("got %v", err)
	}
	none := filepath.Join(t.TempDir(), "none")
	if err := boltstore.Check(none); err == nil || !strings.Contains(err.Error(), none) {
		t.Errorf("without a store: %v", err)
	}
}

package boltstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/storetest"
)

func open(t *testing.T, dir string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(dir, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTheContractOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Disk {
		dir := filepath.Join(t.TempDir(), "state")
		return storetest.Disk{
			Open: func(t *testing.T) pool.Store {
				return open(t, dir)
			},
			// What a killed process has written is what the files hold at that
			// moment; the copy is such a moment.
			Crash: func(t *testing.T, s pool.Store) pool.Store {
				next := filepath.Join(t.TempDir(), "state")
				if err := os.CopyFS(next, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				dir = next
				return open(t, dir)
			},
		}
	})
}

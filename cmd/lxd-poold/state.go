package main

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
)

// openState opens the journals. Nobody else can look into their directory: it
// holds who has what, and the environments of leases.
func openState(dir string) (*boltstore.Store, error) {
	unix.Umask(0o077)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "name another with --state-dir", "cannot make the state directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(dir, info.Mode().Perm()&fs.FileMode(0o700))
	}
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "name a directory of its own with --state-dir",
			"cannot close the state directory to others: %w", err)
	}
	return boltstore.Open(dir, boltstore.Options{})
}

package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Check verifies the store in dir without changing it, while no daemon has it
// open: that every file is whole, every record can be read, and leases and
// instances agree. It returns all that is wrong, joined; nil: nothing is.
func Check(dir string) error {
	manager, err := openForCheck(managerPath(dir), managerFormat)
	if err != nil {
		return err
	}
	defer manager.close()
	names, err := poolsIn(dir)
	if err != nil {
		return err
	}
	errs := []error{manager.checkPages()}
	for _, name := range names {
		errs = append(errs, checkPool(dir, name, manager.manager))
	}
	return errors.Join(errs...)
}

func openForCheck(path string, format *format) (*file, error) {
	f, err := openBolt(path, &bolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if errors.Is(err, os.ErrNotExist) {
		return nil, pool.Errorf(pool.ErrCorrupt, "give the directory of a daemon's state", "cannot check %s: there is no such file", path)
	}
	if err != nil {
		return nil, err
	}
	if err := f.guard("check", func() error { return f.examine(format) }); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func checkPool(dir string, name pool.PoolName, manager pool.ManagerID) error {
	f, err := openForCheck(poolPath(dir, name), poolFormat)
	if err != nil {
		return err
	}
	defer f.close()
	m, err := f.load()
	if err != nil {
		return err
	}
	errs := []error{f.checkPages()}
	if f.manager != manager {
		errs = append(errs, f.corrupt("check", fmt.Errorf("it belongs to manager %s and not to %s", f.manager, manager)))
	}
	for _, err := range disagreements(name, m) {
		errs = append(errs, f.corrupt("check", err))
	}
	return errors.Join(errs...)
}

// checkPages looks at the structure of a file that could be read. The check
// that bbolt has is not used: in a broken file it can end the process or go on
// for ever.
func (f *file) checkPages() error {
	return f.guard("check", func() error {
		return f.db.View(func(tx *bolt.Tx) error {
			err := tx.ForEach(everyKeyIsFound)
			if err == nil {
				err = everyPageIsReached(tx)
			}
			if err != nil {
				return f.corrupt("check", err)
			}
			return nil
		})
	})
}

// everyKeyIsFound nil: looking a key up finds what walking along found.
func everyKeyIsFound(name []byte, b *bolt.Bucket) error {
	return b.ForEach(func(key, value []byte) error {
		if !bytes.Equal(b.Get(key), value) {
			return fmt.Errorf("%.80q in %q is not found where it is", key, name)
		}
		return nil
	})
}

// everyPageIsReached nil: the pages that are neither free nor bbolt's own are
// as many as those of the buckets.
func everyPageIsReached(tx *bolt.Tx) error {
	s := tx.Cursor().Bucket().Stats()
	reached := s.BranchPageN + s.BranchOverflowN + s.LeafPageN + s.LeafOverflowN
	used := 0
	for id := 2; ; { // 0 and 1 are the meta pages
		p, err := tx.Page(id)
		if err != nil {
			return err
		}
		switch {
		case p == nil && used == reached:
			return nil
		case p == nil:
			return fmt.Errorf("%d pages are in use and %d are reached", used, reached)
		case p.Type == "free":
			id++
			continue
		case p.Type != "freelist":
			used += 1 + p.OverflowCount
		}
		id += 1 + p.OverflowCount
	}
}

// disagreements says where leases and instances contradict each other: every
// running lease has one instance, leased to it, and every leased instance one
// running lease.
func disagreements(name pool.PoolName, m *pool.Memory) []error {
	var found []error
	for _, id := range slices.Sorted(maps.Keys(m.Leases)) {
		l := m.Leases[id]
		in := m.Instances[l.Instance]
		switch {
		case l.Pool != name:
			found = append(found, fmt.Errorf("lease %s belongs to pool %q", id, l.Pool))
		case l.Ended != nil:
		case in == nil:
			found = append(found, fmt.Errorf("lease %s runs on %s, which is not there", id, l.Instance))
		case in.State != pool.Leased || in.Lease != id:
			found = append(found, fmt.Errorf("lease %s runs on %s, which is %s and leased to %q", id, l.Instance, in.State, in.Lease))
		case in.Fence != l.Fence:
			found = append(found, fmt.Errorf("lease %s has fence %d and %s has %d", id, l.Fence, l.Instance, in.Fence))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Instances)) {
		in := m.Instances[name]
		if l := m.Leases[in.Lease]; in.State == pool.Leased && (l == nil || l.Ended != nil || l.Instance != name) {
			found = append(found, fmt.Errorf("%s is leased to %q, which is no running lease of it", name, in.Lease))
		}
	}
	if m.Record == nil && len(m.Instances)+len(m.Leases) > 0 {
		found = append(found, errors.New("there are instances or leases without a pool"))
	}
	return found
}

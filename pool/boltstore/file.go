package boltstore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/lxd-pool/lxd-pool/pool"
)

// unfinished ends the name of a file that is still being made.
const unfinished = ".new"

var (
	metaBucket = []byte("meta")
	managerKey = []byte("manager")
)

// file is an open bbolt file of this package's form, in the current format.
type file struct {
	path    string
	db      *bolt.DB
	handle  *os.File
	manager pool.ManagerID
	// crashed: bbolt has panicked in it and may hold its own locks for ever.
	crashed bool
}

// createFile makes the file unless there is one. It is made aside and linked
// into place whole, so that an end of the process leaves no half of it.
func createFile(path string, f *format, manager pool.ManagerID) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+unfinished)
	if err != nil {
		return cannotWrite("make "+path, err)
	}
	defer os.Remove(aside.Name())
	err = errors.Join(aside.Close(), fillFile(aside.Name(), f, manager))
	if err == nil {
		err = os.Link(aside.Name(), path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return cannotWrite("make "+path, err)
	}
	return syncDir(filepath.Dir(path))
}

func fillFile(path string, f *format, manager pool.ManagerID) error {
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range f.buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		return errors.Join(f.stamp(meta), meta.Put(managerKey, []byte(manager)))
	})
	return errors.Join(err, db.Close())
}

// openFile opens a file for writing and brings it to the current format.
func openFile(path string, f *format, o Options) (*file, error) {
	opened, err := openBolt(path, &bolt.Options{NoSync: o.NoSync, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = opened.guard("open", func() error {
		if err := opened.examine(f); err != nil {
			return err
		}
		return f.migrate(opened.db)
	})
	if err != nil {
		return nil, errors.Join(err, opened.close())
	}
	return opened, nil
}

// openBolt opens the bbolt file without waiting for its lock.
func openBolt(path string, o *bolt.Options) (*file, error) {
	f := &file{path: path}
	o.Timeout = time.Nanosecond
	o.OpenFile = f.openHandle
	err := f.guard("open", func() (err error) {
		f.db, err = bolt.Open(path, 0o600, o)
		return err
	})
	switch {
	case err == nil:
		return f, nil
	case f.crashed:
		return nil, errors.Join(err, f.close())
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, pool.Errorf(pool.ErrLocked, "close it there first", "cannot open %s: it is open elsewhere", path)
	case notBolt(err):
		return nil, f.corrupt("open", err)
	}
	return nil, fmt.Errorf("cannot open %s: %w", path, err)
}

var errEmpty = errors.New("it is empty")

// openHandle opens an existing file for bbolt, which would make an empty one
// into a new one.
func (f *file) openHandle(name string, flag int, mode os.FileMode) (*os.File, error) {
	handle, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
	if err != nil {
		return nil, err
	}
	if info, err := handle.Stat(); err != nil || info.Size() == 0 {
		return nil, errors.Join(cmp.Or(err, errEmpty), handle.Close())
	}
	f.handle = handle
	return handle, nil
}

func notBolt(err error) bool {
	for _, kind := range []error{errEmpty, bolterrors.ErrInvalid, bolterrors.ErrVersionMismatch, bolterrors.ErrChecksum} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// examine reads what every file of ours says of itself. It changes nothing.
func (f *file) examine(format *format) error {
	return f.db.View(func(tx *bolt.Tx) error {
		info, err := f.handle.Stat()
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return f.corrupt("open", fmt.Errorf("it has %d bytes and should have %d", info.Size(), tx.Size()))
		}
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			return f.corrupt("open", errors.New("it is not a file of lxd-pool"))
		}
		if err := format.accept(f, meta); err != nil {
			return err
		}
		if f.manager = pool.ManagerID(meta.Get(managerKey)); f.manager == "" {
			return f.corrupt("open", errors.New("it does not say whose it is"))
		}
		return nil
	})
}

// guard runs do, in which bbolt may find that the file is broken: it panics
// then, or touches memory beyond the file.
func (f *file) guard(deed string, do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if what := recover(); what != nil {
			f.crashed = true
			err = f.corrupt(deed, fmt.Errorf("%v", what))
		}
	}()
	return do()
}

func (f *file) corrupt(deed string, why error) error {
	return pool.Errorf(pool.ErrCorrupt, "restore the file from a backup, or move it away to go on without it",
		"cannot %s %s: the file is broken: %w", deed, f.path, why)
}

// cannotWrite is for what the disk refuses.
func cannotWrite(deed string, why error) error {
	next := ""
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(why, full) {
			next = "make room on the disk with the state directory"
		}
	}
	return pool.Errorf(pool.ErrInternal, next, "cannot %s: %w", deed, why)
}

// close gives the file up. After a crash it lets go of the lock, but not of
// the memory, which bbolt may still point to.
func (f *file) close() error {
	if f.db != nil && !f.crashed {
		return f.db.Close()
	}
	// As long as the memory is mapped, closing alone would keep the lock.
	return errors.Join(syscall.Flock(int(f.handle.Fd()), syscall.LOCK_UN), f.handle.Close())
}

// syncDir makes what was made, renamed or removed in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Options is what a store can be told. The zero value is right for a daemon.
type Options struct {
	// Manager is the identity of a store that is made now; one that exists keeps
	// its own. "": one is drawn.
	Manager pool.ManagerID
	// NoSync leaves the syncing to the system. A commit then survives the end of
	// the process, but not that of the machine. For tests.
	NoSync bool
}

// Store is a [pool.Store] in a directory. Its methods may be called at the same time.
type Store struct {
	dir     string
	o       Options
	manager pool.ManagerID
	lock    *file

	mu     sync.Mutex
	open   map[pool.PoolName]*journal
	closed bool
}

var _ pool.Store = (*Store)(nil)

// Open opens the store in dir and makes what is missing of it. It does not
// wait: when another process has it open, it fails at once with [pool.ErrLocked].
// What cannot be read or is of a newer version fails with [pool.ErrCorrupt] and
// is left as it is.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "pools"), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the state directory: %w", err)
	}
	s := &Store{dir: dir, o: o, open: map[pool.PoolName]*journal{}}
	if err := s.openManager(); err != nil {
		return nil, err
	}
	if err := s.sweep(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openManager() error {
	path := managerPath(s.dir)
	id := s.o.Manager
	if id == "" {
		id = pool.NewManagerID()
	}
	if err := createFile(path, managerFormat, id); err != nil {
		return err
	}
	f, err := openFile(path, managerFormat, s.o)
	if errors.Is(err, pool.ErrLocked) {
		return pool.Errorf(pool.ErrLocked, "stop that daemon, or use another state directory",
			"cannot open the state in %s: another daemon has it open", s.dir)
	}
	if err != nil {
		return err
	}
	s.lock, s.manager = f, f.manager
	return nil
}

// sweep deletes files that were still being made when their process ended.
func (s *Store) sweep() error {
	left, err := filepath.Glob(filepath.Join(s.dir, "pools", "*"+unfinished))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("cannot delete what an earlier start left: %w", err)
		}
	}
	return nil
}

// Manager implements [pool.Store].
func (s *Store) Manager() pool.ManagerID { return s.manager }

// Pools implements [pool.Store]. The names are sorted.
func (s *Store) Pools(ctx context.Context) ([]pool.PoolName, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "list journals"); err != nil {
		return nil, err
	}
	return poolsIn(s.dir)
}

// Open implements [pool.Store].
func (s *Store) Open(ctx context.Context, name pool.PoolName) (pool.Journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(ctx, "open", name); err != nil {
		return nil, err
	}
	path := poolPath(s.dir, name)
	if err := createFile(path, poolFormat, s.manager); err != nil {
		return nil, err
	}
	f, err := openFile(path, poolFormat, s.o)
	if err != nil {
		return nil, err
	}
	if f.manager != s.manager {
		return nil, errors.Join(pool.Errorf(pool.ErrCorrupt, "restore the whole state directory from one backup",
			"cannot open %s: it belongs to manager %s and not to %s", path, f.manager, s.manager), f.close())
	}
	j := &journal{store: s, name: name, file: f, lost: make(chan struct{})}
	s.open[name] = j
	return j, nil
}

// Remove implements [pool.Store]. It refuses an open journal.
func (s *Store) Remove(ctx context.Context, name pool.PoolName) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.free(ctx, "remove", name); err != nil {
		return err
	}
	path := poolPath(s.dir, name)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot remove the journal of %s: %w", name, err)
	}
	return syncDir(filepath.Dir(path))
}

// Close implements [pool.Store]. It is safe to call twice.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, j := range s.open {
		errs = append(errs, j.end())
	}
	return errors.Join(append(errs, s.lock.close())...)
}

func (s *Store) usable(ctx context.Context, deed string) error {
	if s.closed {
		return pool.Errorf(pool.ErrClosed, "", "cannot %s: the store is closed", deed)
	}
	return ctx.Err()
}

// free nil: name can name a journal, and nobody has that one open.
func (s *Store) free(ctx context.Context, deed string, name pool.PoolName) error {
	if err := s.usable(ctx, deed+" the journal of "+string(name)); err != nil {
		return err
	}
	if err := name.Validate(); err != nil {
		return err
	}
	if s.open[name] != nil {
		return pool.Errorf(pool.ErrLocked, "close it first", "cannot %s the journal of %s: it is open", deed, name)
	}
	return nil
}

func managerPath(dir string) string { return filepath.Join(dir, "manager.db") }

func poolPath(dir string, name pool.PoolName) string {
	return filepath.Join(dir, "pools", string(name)+".db")
}

// poolsIn lists the pools that have a file; what is not named as a pool's is not ours.
func poolsIn(dir string) ([]pool.PoolName, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "pools"))
	if err != nil {
		return nil, fmt.Errorf("cannot list journals: %w", err)
	}
	var names []pool.PoolName
	for _, e := range entries {
		text, ok := strings.CutSuffix(e.Name(), ".db")
		if name := pool.PoolName(text); ok && name.Validate() == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

package simbackend

import (
	"context"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// OpenFiles implements [pool.Files]. What is changed is in the file of the world
// once the tree is closed.
func (b *Backend) OpenFiles(ctx context.Context, o pool.Order) (pool.FileTree, error) {
	session := &fileTree{backend: b, key: keyOf(o), closed: make(chan struct{})}
	err := b.look(ctx, Files, o.Instance, func() (err error) {
		if _, err = b.find(Files, o); err == nil {
			session.tree, err = b.tree(session.key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}

// tree returns the files of an instance, which it gets when they are asked for
// first. The caller holds the lock.
func (b *Backend) tree(k key) (*tree, error) {
	in := b.world.instances[k]
	if in == nil {
		return nil, gone(Files, k.name)
	}
	if in.Files != nil {
		in.Files.space = b.o.Space // of one that was read from a file
		return in.Files, nil
	}
	fresh := newTree(in, b.o.Space)
	return fresh, b.alter(Files, k, func(in *instance) { in.Files = fresh })
}

// fileTree is one who is at work in the files of an instance.
type fileTree struct {
	backend *Backend
	key     key
	tree    *tree
	changed atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

// enter locks the tree, if it can be reached.
func (s *fileTree) enter() (leave func(), err error) {
	select {
	case <-s.closed:
		return nil, fs.ErrClosed
	default:
	}
	s.backend.mu.Lock()
	away := s.backend.away
	s.backend.mu.Unlock()
	if away {
		return nil, unreachable(Files, s.key.name)
	}
	s.tree.mu.Lock()
	return s.tree.mu.Unlock, nil
}

// change does something to the tree.
func (s *fileTree) change(do func(t *tree) error) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.changed.Store(true)
	return do(s.tree)
}

// see looks something up in the tree.
func see[T any](s *fileTree, at string, follow bool, look func(p place) (T, error)) (T, error) {
	var nothing T
	leave, err := s.enter()
	if err != nil {
		return nothing, err
	}
	defer leave()
	p, err := s.tree.there(at, follow)
	if err != nil {
		return nothing, err
	}
	return look(p)
}

func describe(p place) (pool.File, error) { return p.node.file(p.name), nil }

func (s *fileTree) Stat(at string) (pool.File, error)  { return see(s, at, true, describe) }
func (s *fileTree) Lstat(at string) (pool.File, error) { return see(s, at, false, describe) }

func (s *fileTree) List(at string) ([]pool.File, error) {
	return see(s, at, true, func(p place) ([]pool.File, error) {
		if p.node.Type != pool.Directory {
			return nil, syscall.ENOTDIR
		}
		list := make([]pool.File, 0, len(p.node.entries))
		for name, n := range p.node.entries {
			list = append(list, n.file(name))
		}
		return list, nil
	})
}

func (s *fileTree) ReadLink(at string) (string, error) {
	return see(s, at, false, func(p place) (string, error) {
		if p.node.Type != pool.Symlink {
			return "", syscall.EINVAL
		}
		return string(p.node.Target), nil
	})
}

// Open waits at a fifo until the tree is closed, as a kernel waits for a writer.
func (s *fileTree) Open(at string) (pool.FileReader, error) {
	n, err := see(s, at, true, func(p place) (*node, error) { return p.node, nil })
	switch {
	case err != nil:
		return nil, err
	case n.Type == pool.Fifo:
		<-s.closed
		return nil, fs.ErrClosed
	case n.Type == pool.Directory:
		return nil, syscall.EISDIR
	case n.Type != pool.RegularFile:
		return nil, syscall.ENXIO
	}
	return &handle{s, n}, nil
}

func (s *fileTree) Create(at string) (pool.FileWriter, error) {
	n := newNode(pool.RegularFile, 0o600)
	if err := s.change(func(t *tree) error { return t.add(at, n) }); err != nil {
		return nil, err
	}
	return &handle{s, n}, nil
}

func (s *fileTree) Mkdir(at string) error {
	return s.change(func(t *tree) error { return t.add(at, newNode(pool.Directory, 0o700)) })
}

func (s *fileTree) Symlink(target, at string) error {
	n := newNode(pool.Symlink, 0o777)
	n.Target = []byte(target)
	return s.change(func(t *tree) error { return t.add(at, n) })
}

func (s *fileTree) Link(old, at string) error {
	return s.change(func(t *tree) error {
		p, err := t.there(old, false)
		if err == nil && p.node.Type == pool.Directory {
			err = syscall.EPERM
		}
		if err == nil {
			err = t.reserve(int64(len(p.node.Data)))
		}
		if err != nil {
			return err
		}
		return t.add(at, p.node)
	})
}

func (s *fileTree) SetAttributes(at string, a pool.FileAttributes) error {
	return s.change(func(t *tree) error {
		p, err := t.there(at, true)
		if err != nil {
			return err
		}
		p.node.Mode, p.node.UID, p.node.GID = a.Mode, a.UID, a.GID
		if !a.Modified.IsZero() {
			p.node.Modified = a.Modified.Truncate(time.Second)
		}
		return nil
	})
}

func (s *fileTree) Rename(from, to string) error {
	return s.change(func(t *tree) error {
		old, err := t.there(from, false)
		if err != nil {
			return err
		}
		there, err := t.find(to, false)
		switch {
		case err != nil:
			return err
		case old.dir == nil, there.dir == nil:
			return syscall.EBUSY
		case there.node != nil && there.node.Type == pool.Directory:
			return syscall.EEXIST
		case there.node != nil:
			t.drop(there)
		}
		delete(old.dir.entries, old.name)
		there.dir.entries[there.name] = old.node
		old.dir.Modified, there.dir.Modified = time.Now(), time.Now()
		return nil
	})
}

func (s *fileTree) Remove(at string) error {
	return s.change(func(t *tree) error {
		p, err := t.there(at, false)
		switch {
		case err != nil:
			return err
		case p.dir == nil:
			return syscall.EBUSY
		case len(p.node.entries) > 0:
			return syscall.ENOTEMPTY
		}
		t.drop(p)
		return nil
	})
}

func (s *fileTree) Close() (err error) {
	s.once.Do(func() {
		close(s.closed)
		if !s.changed.Load() {
			return
		}
		s.backend.mu.Lock()
		defer s.backend.mu.Unlock()
		if in := s.backend.world.instances[s.key]; in != nil && in.Files == s.tree {
			err = s.backend.world.put(in)
		}
	})
	return err
}

// handle is a file that is read or written.
type handle struct {
	session *fileTree
	node    *node
}

func (f *handle) ReadAt(p []byte, at int64) (int, error) {
	leave, err := f.session.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	if at >= int64(len(f.node.Data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.Data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *handle) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.session.change(func(t *tree) error {
		end := at + int64(len(p))
		if more := end - int64(len(f.node.Data)); more > 0 {
			if err := t.reserve(more); err != nil {
				return err
			}
			f.node.Data = append(f.node.Data, make([]byte, more)...)
		}
		n = copy(f.node.Data[at:], p)
		f.node.Modified = time.Now()
		return nil
	})
	return n, err
}

func (f *handle) Close() error { return nil }

package memstore

import (
	"errors"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Fault is what goes wrong with one commit.
type Fault int

// The faults. With every one of them Commit returns an error.
const (
	NoFault Fault = iota
	// FailBefore: nothing was written.
	FailBefore
	// FailAfter: it was written all the same.
	FailAfter
	// LoseBefore and LoseAfter: the right to write ends before or after writing.
	LoseBefore
	LoseAfter
)

// ErrFault is the cause of a commit that failed on purpose.
var ErrFault = errors.New("failed on purpose")

// OnCommit makes hook decide the fault of every commit from now on; nil ends
// that. The hook is called by the one who commits, before anything is written
// and under no lock: it may block, as a slow disk does, and it must not change
// the batch.
func (s *Store) OnCommit(hook func(pool.PoolName, *pool.Batch) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Lose ends the right to write of whoever has the journal open, as another
// manager does that took the pool over. It can be opened again at once.
func (s *Store) Lose(name pool.PoolName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.open[name]; j != nil {
		j.lose()
	}
}

func (s *Store) faultOf(name pool.PoolName, b *pool.Batch) Fault {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook == nil {
		return NoFault
	}
	return hook(name, b)
}

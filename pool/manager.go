package pool

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Options is what a manager, or a pool opened on its own, is made of.
type Options struct {
	// Backend and Store are the two ports. The manager closes neither.
	Backend Backend
	Store   Store
	// Tokens keeps the named tokens. nil: they are gone when the manager closes.
	Tokens TokenBook
	// Log gets what an operator wants to know later. nil: nothing is logged.
	Log *slog.Logger
	// Workers bounds the calls of the backend that are under way at once.
	Workers Workers
}

// Workers bounds the slow work of a manager over all of its pools. 0 in any
// field: as many as there are processors, at least 2.
type Workers struct {
	Create int // making instances
	Start  int // starting and waking them
	Clean  int // resetting and deleting them
}

// Manager keeps several pools on one backend and one store. All its methods
// may be called at the same time.
type Manager struct {
	env     *env
	sweeper *sweeper
	stop    context.CancelFunc
	// closing is closed when Close begins.
	closing chan struct{}
	running sync.WaitGroup
	// recordings are the commands that run without their callers.
	recordings recordings
	tokens     tokens

	keeping sync.Mutex // one configuration is taken over at a time

	mu      sync.Mutex
	closed  bool
	away    map[RemoteName]*sweeper // those of other LXDs
	writers map[PoolName]*writer
	making  map[PoolName]bool // names that CreatePool is at work on
}

// NewManager opens every pool in the store and begins its work. It does not
// wait for the backend, which may be away. A journal that cannot be read is an
// error, and nothing is begun.
func NewManager(ctx context.Context, o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Workers = o.Workers.withDefaults()
	life, stop := context.WithCancel(context.Background())
	m := &Manager{
		stop: stop, closing: make(chan struct{}),
		recordings: recordings{life: life, list: map[commandKey]*recording{}},
		writers:    map[PoolName]*writer{}, making: map[PoolName]bool{}, away: map[RemoteName]*sweeper{},
	}
	m.env = &env{
		manager: o.Store.Manager(), backend: o.Backend, store: o.Store, log: o.Log,
		bus: newBus(), slots: newSlots(o.Workers), limits: o.Workers,
	}
	m.env.quotas.most = m.tokens.most
	if err := m.tokens.open(o.Tokens); err != nil {
		stop()
		return nil, err
	}
	m.sweeper = newSweeper(m, "")
	m.env.look, m.env.visit = m.look, func(remote RemoteName) { m.visit(life, remote) }
	if err := m.openAll(ctx); err != nil {
		stop()
		return nil, err
	}
	m.running.Go(func() { m.sweeper.run(life) })
	if watcher, ok := o.Backend.(Watcher); ok {
		m.running.Go(func() { watcher.Watch(life, m.hinted) })
	}
	return m, nil
}

// look asks for a listing of every LXD soon. It never waits.
func (m *Manager) look() {
	m.sweeper.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.away {
		s.look()
	}
}

// visit has a remote listed from now on.
func (m *Manager) visit(life context.Context, remote RemoteName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.away[remote] != nil {
		return
	}
	s := newSweeper(m, remote)
	m.away[remote] = s
	m.running.Go(func() { s.run(life) })
}

func (n Workers) withDefaults() Workers {
	few := max(2, runtime.NumCPU())
	return Workers{cmp.Or(n.Create, few), cmp.Or(n.Start, few), cmp.Or(n.Clean, few)}
}

// openAll opens the journals first and begins work only when all could be read.
func (m *Manager) openAll(ctx context.Context) error {
	names, err := m.env.store.Pools(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		w := newWriter(name, m.env)
		if err := w.open(ctx, nil); err != nil {
			for _, opened := range m.writers {
				err = errors.Join(err, opened.journal.Close())
			}
			return err
		}
		m.writers[name] = w
	}
	for _, w := range m.writers {
		m.begin(w)
	}
	return nil
}

// begin runs a writer, and removes its journal when its pool was deleted.
func (m *Manager) begin(w *writer) {
	m.running.Go(func() {
		defer close(w.left)
		w.run()
		if !w.gone {
			return
		}
		if err := m.env.store.Remove(context.Background(), w.name); err != nil {
			w.log.Error("cannot remove the journal of a deleted pool", "error", err)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.writers, w.name)
	})
}

// Close stops taking requests, answers those that wait with [ErrClosed], ends
// the workers, and closes the journals. Instances and leases stay as they are.
// It is safe to call twice.
func (m *Manager) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.closing)
	}
	writers := slices.Collect(maps.Values(m.writers))
	m.mu.Unlock()
	m.stop()
	m.tokens.close()
	for _, w := range writers {
		w.end()
	}
	m.recordings.wait()
	m.running.Wait()
	return nil
}

// hinted passes a hint on to the pool that the instance's name belongs to.
func (m *Manager) hinted(h Hint) {
	if h.Instance == "" {
		m.sweeper.look()
		return
	}
	if w, err := m.writer(h.Instance.pool()); err == nil {
		w.tell(w.life, func(t *turn) { t.hinted(h) })
	}
}

func (m *Manager) writer(name PoolName) (*writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.writers[name]; w != nil {
		return w, nil
	}
	if m.closed {
		return nil, errClosing()
	}
	return nil, noPool(name)
}

// all returns the writers by name.
func (m *Manager) all() []*writer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.writers), func(a, b *writer) int {
		return strings.Compare(string(a.name), string(b.name))
	})
}

// ofLease returns the writer of the pool that a lease id names.
func (m *Manager) ofLease(id LeaseID) (*writer, error) {
	w, err := m.writer(id.Pool())
	if errors.Is(err, ErrNoPool) {
		err = noLease(id)
	}
	return w, err
}

func errClosing() error {
	return Errorf(ErrClosed, "try again in a moment", "cannot serve: the manager is closing")
}

// Watch yields the events from now on until ctx or the manager ends. One that
// does not keep up gets [EventsLost] in place of what it missed.
func (m *Manager) Watch(ctx context.Context) iter.Seq[Event] {
	return m.env.bus.watch(ctx, m.closing)
}

// Health returns what keeps the manager from serving fully, nothing when all is
// well. Leases are served either way.
func (m *Manager) Health(ctx context.Context) []Problem {
	return m.sweeper.problems()
}

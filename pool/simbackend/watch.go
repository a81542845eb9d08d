package simbackend

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
)

// watcher keeps hints until its goroutine takes them.
type watcher struct {
	pending []pool.Hint
	wake    chan struct{}
}

// maxHints bounds what is kept for a slow watcher; beyond, hints are lost.
const maxHints = 1000

// Watch implements [pool.Watcher].
func (b *Backend) Watch(ctx context.Context, hint func(pool.Hint)) {
	w := &watcher{wake: make(chan struct{}, 1)}
	b.mu.Lock()
	b.watchers[w] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, w)
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		for _, h := range b.takeHints(w) {
			if ctx.Err() != nil {
				return
			}
			hint(h)
		}
	}
}

func (b *Backend) takeHints(w *watcher) []pool.Hint {
	b.mu.Lock()
	defer b.mu.Unlock()
	hints := w.pending
	w.pending = nil
	return hints
}

// hint tells every watcher; "" says that hints were lost. While LXD is away
// nobody is told anything.
func (b *Backend) hint(name pool.InstanceName) {
	if b.away {
		return
	}
	for w := range b.watchers {
		if len(w.pending) == maxHints {
			w.pending = []pool.Hint{{}}
		}
		w.pending = append(w.pending, pool.Hint{Instance: name})
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

package lxdbackend

import (
	"context"
	"sync"
)

// flights lets callers that want the same thing share one making of it. A
// caller that leaves does not end it for the others; the last one does. The
// zero value is ready to use.
type flights[K comparable, V any] struct {
	mu  sync.Mutex
	now map[K]*flight[V]
}

type flight[V any] struct {
	cancel  context.CancelFunc
	waiting int // guarded by flights.mu
	done    chan struct{}
	value   V // set before done is closed
	err     error
}

// do returns what making returns, of which there is one at a time for a key.
func (f *flights[K, V]) do(ctx context.Context, key K, making func(context.Context) (V, error)) (V, error) {
	mine := f.join(ctx, key, making)
	defer f.leave(key, mine)
	select {
	case <-mine.done:
		return mine.value, mine.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (f *flights[K, V]) join(ctx context.Context, key K, making func(context.Context) (V, error)) *flight[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under := f.now[key]; under != nil {
		under.waiting++
		return under
	}
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	begun := &flight[V]{cancel: cancel, waiting: 1, done: make(chan struct{})}
	if f.now == nil {
		f.now = map[K]*flight[V]{}
	}
	f.now[key] = begun
	go func() {
		begun.value, begun.err = making(shared)
		close(begun.done)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.forget(key, begun)
	}()
	return begun
}

// leave ends a flight that nobody waits for; who comes next begins another.
func (f *flights[K, V]) leave(key K, left *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left.waiting--
	if left.waiting == 0 {
		left.cancel()
		f.forget(key, left)
	}
}

// forget is called with mu held.
func (f *flights[K, V]) forget(key K, ended *flight[V]) {
	if f.now[key] == ended {
		delete(f.now, key)
	}
}

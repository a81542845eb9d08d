package pool

import (
	"context"
	"iter"
	"sync"
	"time"
)

// watchDepth is how many events a watcher may lag behind.
const watchDepth = 1024

// bus hands events to whoever watches. Publishing never waits.
type bus struct {
	mu       sync.Mutex
	watchers map[*watcher]bool
}

type watcher struct {
	events chan Event
	lost   int // under the bus's lock
}

func newBus() *bus { return &bus{watchers: map[*watcher]bool{}} }

func (b *bus) publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.watchers {
		if w.lost > 0 && len(w.events) < cap(w.events)-1 {
			w.events <- Event{Time: time.Now(), Type: EventsLost, Message: count(w.lost, "event was lost", "events were lost")}
			w.lost = 0
		}
		select {
		case w.events <- e:
		default:
			w.lost++
		}
	}
}

// watch yields events until ctx or closing ends. It watches from the moment of
// the call, not of the first iteration.
func (b *bus) watch(ctx context.Context, closing <-chan struct{}) iter.Seq[Event] {
	w := &watcher{events: make(chan Event, watchDepth)}
	b.mu.Lock()
	b.watchers[w] = true
	b.mu.Unlock()
	leave := context.AfterFunc(ctx, func() { b.leave(w) })
	return func(yield func(Event) bool) {
		defer leave()
		defer b.leave(w)
		for {
			select {
			case e := <-w.events:
				if !yield(e) {
					return
				}
			case <-ctx.Done():
				return
			case <-closing:
				return
			}
		}
	}
}

func (b *bus) leave(w *watcher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers, w)
}

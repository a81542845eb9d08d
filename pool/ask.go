package pool

import "context"

// send puts a message in the inbox and reports whether it went in.
func (w *writer) send(ctx context.Context, m message) bool {
	select {
	case w.inbox <- m:
		return true
	case <-ctx.Done():
	case <-w.ended:
	}
	return false
}

// unsent says why a message did not go in.
func (w *writer) unsent(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.closedError()
}

// read runs f in a turn and returns what it says, once that turn is durable. If
// the commit fails, f is run again on what the journal holds.
func read[T any](ctx context.Context, w *writer, f func(*turn) (T, error)) (T, error) {
	return ask(ctx, w, true, f)
}

// change runs f in a turn and returns what it says once that is durable. While
// the journal cannot be written it fails and changes nothing.
func change[T any](ctx context.Context, w *writer, f func(*turn) (T, error)) (T, error) {
	return ask(ctx, w, false, func(t *turn) (T, error) {
		if t.trouble != nil && t.now.Before(t.trouble.retry) {
			var none T
			return none, Errorf(ErrUnavailable, "free space or mend the disk; lxd-pool goes on by itself",
				"cannot change pool %s: its journal cannot be written: %s", t.name, t.trouble.cause)
		}
		return f(t)
	})
}

func ask[T any](ctx context.Context, w *writer, read bool, f func(*turn) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	reply := make(chan answer, 1)
	do := func(t *turn) {
		value, err := f(t)
		t.then(func(commit error) {
			switch {
			case commit == nil:
				reply <- answer{value, err}
			case !read:
				reply <- answer{err: commit}
			}
		})
	}
	var none T
	if !w.send(ctx, message{do: do, read: read}) {
		return none, w.unsent(ctx)
	}
	select {
	case a := <-reply:
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-w.ended:
	}
	select {
	case a := <-reply:
		return a.value, a.err
	default:
		return none, w.closedError()
	}
}

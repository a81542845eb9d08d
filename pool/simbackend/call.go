package simbackend

import (
	"context"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// deed is what a verb does to one instance. All of it runs under the lock.
type deed struct {
	// begin looks, and does what shows from the first moment. done says that
	// the end condition holds already.
	begin func() (done bool, err error)
	// end makes the end condition true.
	end func() error
	// undo is what LXD does after it failed; nil: nothing.
	undo func()
	// more is the time it takes beyond its verb's; nil: none.
	more func() time.Duration
}

// change carries a deed through waiting, latency and faults. What it began is
// finished when its time has come, whether the caller stayed or not.
func (b *Backend) change(ctx context.Context, v Verb, o pool.Order, d deed) error {
	k := keyOf(o)
	leave := b.enter(v, k)
	defer leave()
	if err := b.claim(ctx, v, k); err != nil {
		return err
	}
	result := make(chan error, 1)
	b.launch(v, k, d, result)
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return gaveUp(ctx, v, k.name)
	}
}

// enter counts the callers that are at an instance. Two at once are noted:
// nobody can say which of their deeds the instance ends up with.
func (b *Backend) enter(v Verb, k key) (leave func()) {
	if v == Template {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inside[k] > 0 {
		b.overlaps++
		b.accuse("%s of %s while another call is at it", v, k.name)
	}
	b.inside[k]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.inside[k]--; b.inside[k] == 0 {
			delete(b.inside, k)
		}
	}
}

// claim makes the instance busy, after whatever is under way on it.
func (b *Backend) claim(ctx context.Context, v Verb, k key) error {
	for {
		if ctx.Err() != nil {
			return gaveUp(ctx, v, k.name)
		}
		b.mu.Lock()
		under := b.busy[k]
		if under == nil {
			b.busy[k] = make(chan struct{})
			b.mu.Unlock()
			return nil
		}
		b.mu.Unlock()
		select {
		case <-under:
		case <-ctx.Done():
		}
	}
}

func (b *Backend) free(k key) {
	close(b.busy[k])
	delete(b.busy, k)
}

func (b *Backend) launch(v Verb, k key, d deed, result chan<- error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		b.free(k)
		result <- unreachable(v, k.name)
		return
	}
	if done, err := d.begin(); done || err != nil {
		b.free(k)
		result <- err
		return
	}
	b.history.add(v, k.name, "began")
	luck, wait := b.luck(v), b.takes(v)
	if d.more != nil {
		wait += d.more()
	}
	outages := b.outages
	finish := func() {
		b.free(k)
		if b.outages != outages {
			luck = stopsHalfWay
		}
		result <- b.finish(v, k, d, luck)
	}
	if wait == 0 {
		finish()
		return
	}
	time.AfterFunc(wait, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		finish()
	})
}

func (b *Backend) finish(v Verb, k key, d deed, luck luck) (err error) {
	defer func() { b.history.note(v, k.name, err) }()
	switch {
	case luck == stopsHalfWay:
		return unreachable(v, k.name)
	case luck == fails:
		if d.undo != nil {
			d.undo()
		}
		return b.onPurpose(v, k.name)
	}
	if err := d.end(); err != nil {
		return err
	}
	b.hint(k.name)
	if luck == losesReply {
		return unreachable(v, k.name)
	}
	return nil
}

// look carries a verb that changes nothing through latency and faults.
func (b *Backend) look(ctx context.Context, v Verb, name pool.InstanceName, see func() error) error {
	b.mu.Lock()
	luck, wait, away := b.luck(v), b.takes(v), b.away
	b.mu.Unlock()
	if !away && !sleep(ctx, wait) {
		return gaveUp(ctx, v, name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.away, luck == losesReply, luck == stopsHalfWay:
		return unreachable(v, name)
	case luck == fails:
		return b.onPurpose(v, name)
	}
	return see()
}

// sleep reports whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func unreachable(v Verb, name pool.InstanceName) error {
	return pool.Errorf(pool.ErrUnavailable, "", "cannot %s: the simulated LXD does not answer", phrase(v, name))
}

func gaveUp(ctx context.Context, v Verb, name pool.InstanceName) error {
	return pool.Errorf(pool.ErrUnavailable, "", "cannot %s: it was given up before its end: %w", phrase(v, name), context.Cause(ctx))
}

func (b *Backend) onPurpose(v Verb, name pool.InstanceName) error {
	text := b.faults[v].Text
	if text == "" {
		text = "failed on purpose"
	}
	return failed(v, name, text)
}

func failed(v Verb, name pool.InstanceName, why string) error {
	return pool.Errorf(pool.ErrFailed, "", "cannot %s: %s", phrase(v, name), why)
}

func gone(v Verb, name pool.InstanceName) error {
	return pool.Errorf(pool.ErrGone, "", "cannot %s: there is no such instance", phrase(v, name))
}

func phrase(v Verb, name pool.InstanceName) string {
	if name == "" {
		return string(v)
	}
	return string(v) + " " + string(name)
}

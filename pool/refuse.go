package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// refusal says why requests for so many are not served, nil if they are.
func (t *turn) refusal(count int) error {
	switch {
	case t.x.Record.Doomed:
		return doomed(t.name)
	case t.x.Record.Unkept:
		return t.unkept()
	case t.x.Record.Disabled:
		return Errorf(ErrDisabled, fmt.Sprintf(`allow it with "lxd-pool enable %s"`, t.name),
			"cannot acquire from pool %s: it is disabled", t.name)
	case count > t.x.spec.Max:
		return Errorf(ErrTooMany, fmt.Sprintf(`ask for fewer, or raise it with "lxd-pool set %s max=%d"`, t.name, count),
			"cannot acquire %d from pool %s: its max is %d", count, t.name, t.x.spec.Max)
	}
	return nil
}

// refuse answers a request with an error, whatever becomes of the turn.
func (t *turn) refuse(v *waiter, err error) {
	if errors.Is(err, context.Canceled) {
		t.stats.Refused["left"]++
	} else {
		t.stats.Refused[Code(err)]++
	}
	c := v.caller
	t.then(func(error) { c.answer(acquired{err: err}) })
}

// refuseHasty answers those who did not want to wait, and remembers their wish.
// After a restart their turn is not over before LXD has said what there is.
func (t *turn) refuseHasty() {
	if !t.listed && t.away == nil {
		return
	}
	hasty := t.hasty
	t.hasty = nil
	for _, v := range hasty {
		if v.Wait == 0 && t.drop(v) {
			t.refuse(v, t.exhausted(v))
			t.wish(v.Count)
		}
	}
}

// refuseLate answers those whose time is over, while the journal is out of order.
func (t *turn) refuseLate() {
	for _, v := range slices.Clone(t.queue.waiters) {
		if !v.deadline.IsZero() && !t.now.Before(v.deadline) {
			t.drop(v)
			t.refuse(v, t.exhausted(v))
		}
	}
}

// supersede tells a caller that the same request was asked again. Its answer is
// the other's now.
func (t *turn) supersede(c *caller) {
	err := Errorf(ErrExhausted, "", "cannot go on waiting for pool %s: the same request was made again", t.name)
	t.then(func(error) { c.answer(acquired{err: err}) })
}

// exhausted tells a caller what its request waited for.
func (t *turn) exhausted(v *waiter) error {
	waited := t.now.Sub(v.began).Round(time.Millisecond)
	if waited >= time.Second {
		waited = waited.Round(100 * time.Millisecond)
	}
	why, next := t.shortage(v.Count)
	return Errorf(ErrExhausted, next, "cannot acquire from pool %s: nothing was ready within %s: %s", t.name, Duration(waited), why)
}

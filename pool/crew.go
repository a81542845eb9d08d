package pool

import (
	"context"
	"sync"
)

// crew does several things at the same time, until the first of them fails.
type crew struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	slots  chan struct{}
	work   sync.WaitGroup
}

// newCrew returns one that does up to so many things at once. It is over when
// its wait has been called.
func newCrew(ctx context.Context, most int) *crew {
	c := &crew{slots: make(chan struct{}, most)}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// do begins something when there is room for it. Its error is the first that
// there was; then nothing was begun.
func (c *crew) do(what func() error) error {
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case c.slots <- struct{}{}:
	}
	if c.ctx.Err() != nil {
		<-c.slots
		return context.Cause(c.ctx)
	}
	c.work.Go(func() {
		defer func() { <-c.slots }()
		if err := what(); err != nil {
			c.cancel(err)
		}
	})
	return nil
}

// join waits until everything that was begun has ended, and returns the first error.
func (c *crew) join() error {
	c.work.Wait()
	return context.Cause(c.ctx)
}

// wait is join at the end. The crew does nothing more.
func (c *crew) wait() error {
	err := c.join()
	c.cancel(nil)
	return err
}

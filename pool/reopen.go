package pool

import (
	"context"
	"errors"
	"time"
)

// open opens the journal. first is the record of a new pool, nil for one that
// is there already.
func (w *writer) open(ctx context.Context, first *Record) error {
	journal, err := w.env.store.Open(ctx, w.name)
	if err != nil {
		return err
	}
	if first != nil {
		err = journal.Commit(ctx, &Batch{Record: first})
	}
	var memory *Memory
	if err == nil {
		memory, err = journal.Load(ctx)
	}
	if err == nil && memory.Record == nil {
		err = Errorf(ErrCorrupt, "restore it from a copy, or delete it to give the pool up",
			"cannot open pool %s: its journal is empty", w.name)
	}
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	w.journal = journal
	w.x = newIndex(memory, time.Now())
	w.env.quotas.load(w.name, w.x)
	return nil
}

// fail gives a turn up whose commit failed. Whether it was written is unknown,
// so the pool starts again from its journal; then waiters go back to their places.
func (w *writer) fail(t *turn, err error) {
	w.log.Error("cannot write the journal", "error", err)
	cause := Errorf(ErrUnavailable, "free space or mend the disk; lxd-pool goes on by itself",
		"cannot write the journal of pool %s: %w", w.name, err)
	w.reopen(err)
	for _, f := range t.after {
		f(cause)
	}
	for _, v := range t.unsettled {
		w.regrant(v, cause)
	}
	for _, read := range t.reads {
		w.turn(&message{do: read, read: true})
	}
}

// reopen drops what is known, waits for the workers, and loads the journal
// again. It goes on trying until it succeeds or the pool is closed.
func (w *writer) reopen(cause error) {
	w.stats.Reopened++
	w.stopWork()
	w.workers.Wait()
	w.suffer(&w.trouble, cause)
	w.refuseForks(cause)
	before := w.x.running
	for {
		err := errors.Join(w.journal.Close(), w.open(w.life, nil))
		if err == nil {
			break
		}
		w.log.Error("cannot reopen the journal", "error", err)
		w.suffer(&w.trouble, err)
		select {
		case <-time.After(time.Until(w.trouble.retry)):
		case <-w.life.Done():
			w.journal = closedJournal{}
			return
		}
	}
	for id, r := range before {
		if again := w.x.running[id]; again != nil {
			again.done = r.done // streams through the lease go on
		} else {
			close(r.done)
		}
	}
	w.idleAgain()
	w.resume()
	w.env.bus.publish(Event{Time: time.Now(), Type: PoolReopened, Pool: w.name, Message: cause.Error()})
}

// suffer notes that something outside failed again.
func (w *writer) suffer(o **outage, cause error) {
	now := time.Now()
	if *o == nil {
		*o = &outage{since: now}
	}
	(*o).times++
	(*o).cause, (*o).next = textAndNext(cause)
	(*o).retry = now.Add(jitter(backoff((*o).times, 500*time.Millisecond, 30*time.Second)))
}

// resume sets everything going that the index says is unfinished.
func (w *writer) resume() {
	t := w.newTurn()
	w.agenda = newAgenda()
	for _, v := range w.queue.waiters {
		w.watchWait(v)
	}
	if len(w.wishes) > 0 {
		w.agenda.set(alarm{kind: alarmWish}, w.wishes[0].until)
	}
	w.listed = len(w.x.Instances) == 0
	for name := range w.waking {
		if in := w.x.Instances[name]; in == nil || in.State != Leased {
			delete(w.waking, name)
		}
	}
	for _, in := range w.x.Instances {
		w.resumeInstance(t, in)
	}
	for id, r := range w.x.running {
		w.agenda.set(alarm{alarmLease, string(id)}, r.deadline)
	}
	w.agenda.set(alarm{kind: alarmForget}, t.now.Add(time.Minute))
	w.agenda.set(alarm{kind: alarmAlive}, t.now.Add(aliveEvery))
	w.agenda.set(alarm{kind: alarmResolve}, t.now.Add(jitter(5*time.Second)))
	w.agenda.set(alarm{kind: alarmPlan}, t.now)
	for _, remote := range w.x.Record.Remotes {
		w.env.visit(remote)
	}
	w.env.look()
}

func (w *writer) resumeInstance(t *turn, in *Instance) {
	w.todo[in.Name] = true
	if in.Hold != nil {
		w.agenda.set(alarm{alarmHold, string(in.Name)}, t.now.Add(in.Hold.Until.Sub(t.now.Round(0))))
	}
	w.watchAge(t.now, in)
	if in.State == Leased && in.Standby == StandbyFrozen {
		w.mayBeAsleep(in.Name)
	}
}

// disown gives up what was being made when the pool was last closed: LXD never
// confirmed it to us, so it may be half made, and is deleted without being started.
func (t *turn) disown() {
	if t.disowned {
		return
	}
	t.disowned = true
	for _, in := range t.x.Instances {
		unconfirmed := in.State == Creating && !mutated(trustUnconfirmed)
		if unconfirmed || in.ForkOf != "" && in.State < Leased && t.forkOf(in.Name) == nil {
			t.doom(in, ReasonUnconfirmed, "lxd-pool was interrupted while it was being made")
		}
	}
}

// watchAge sets the alarm for an instance's max-age.
func (w *writer) watchAge(now time.Time, in *Instance) {
	if when, ok := w.x.age(in); ok && in.State != Deleting {
		w.agenda.set(alarm{alarmAge, string(in.Name)}, now.Add(when.Sub(now.Round(0))))
	}
}

// close ends the pool for this process: workers, waiters, journal.
func (w *writer) close() {
	w.end()
	w.stopWork()
	w.workers.Wait()
	if !w.gone && w.trouble == nil {
		t := w.newTurn()
		t.rec()
		if err := w.journal.Commit(context.Background(), &t.batch); err != nil {
			w.log.Error("cannot write the journal", "error", err)
		}
	}
	w.refuseForks(w.closedError())
	for _, v := range append(w.queue.waiters, w.wakers()...) {
		v.caller.answer(acquired{err: w.closedError()})
	}
	if err := w.journal.Close(); err != nil {
		w.log.Error("cannot close the journal", "error", err)
	}
	for _, r := range w.x.running {
		close(r.done)
	}
}

// closedError is what late callers get.
func (w *writer) closedError() error {
	if w.gone {
		return noPool(w.name)
	}
	return Errorf(ErrClosed, "try again in a moment", "cannot reach pool %s: its manager is closing", w.name)
}

// closedJournal stands where a journal was that could not be opened again.
type closedJournal struct{}

func (closedJournal) Load(context.Context) (*Memory, error) { return nil, ErrClosed }

func (closedJournal) Commit(context.Context, *Batch) error { return ErrClosed }

func (closedJournal) Lost() <-chan struct{} { return nil }

func (closedJournal) Close() error { return nil }

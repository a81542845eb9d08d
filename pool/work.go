package pool

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// verb is a kind of work on an instance.
type verb string

const (
	verbCreate verb = "create"
	verbStart  verb = "start"
	verbWake   verb = "wake"
	verbCheck  verb = "check"
	verbReset  verb = "reset"
	verbDelete verb = "delete"
	verbSettle verb = "settle" // a move
)

// How long a call of the backend may take before its outcome is unknown. A
// creation may have to download an image and make a template. Waking takes a
// tenth of a second, and a second at worst; whoever waits gets another instance
// when it takes longer.
const (
	createTimeout = 20 * time.Minute
	wakeTimeout   = 10 * time.Second
	checkTimeout  = 30 * time.Second
	cleanTimeout  = 3 * time.Minute
	startGrace    = 30 * time.Second
)

// job is one call of the backend under way. An instance has one at a time.
type job struct {
	verb  verb
	order Order
	began time.Time
	// settings are what the holder wants applied when it wakes, nil for none.
	settings *Settings
	// source is what a creation copies when it is not the pool's template.
	source InstanceName
	// present is who may still act on the instance for a lease that ended.
	present *presence
	// stop has the call given up.
	stop context.CancelFunc
	// move is the one to be settled, remotes are where to delete.
	move    *Moving
	remotes []RemoteName
	// stage is what the backend said last of what it is doing.
	stage atomic.Pointer[string]
}

// doing is what the job is at, "" when the backend did not say.
func (j *job) doing() string {
	if stage := j.stage.Load(); stage != nil {
		return *stage
	}
	return ""
}

// outcome is what a job came to.
type outcome struct {
	err error
	// late says that it took longer than it may, so that err tells nothing.
	late   bool
	origin Origin
	place  Place
}

// slots bounds the calls under way over all pools, by kind.
type slots struct{ create, start, clean chan struct{} }

func newSlots(n Workers) slots {
	return slots{make(chan struct{}, n.Create), make(chan struct{}, n.Start), make(chan struct{}, n.Clean)}
}

// of returns the slots that a verb takes one of. Waking is part of a grant and
// waits for nobody.
func (s slots) of(v verb) chan struct{} {
	switch v {
	case verbCreate:
		return s.create
	case verbStart, verbCheck:
		return s.start
	case verbReset, verbDelete, verbSettle:
		return s.clean
	}
	return nil
}

// beginWork starts what there is to do. While LXD is away, or has not said yet
// what there is, that is only to wake what was granted; the rest waits in todo.
func (w *writer) beginWork() {
	names := w.todo
	if !w.listed || !w.disowned || w.away != nil {
		names = map[InstanceName]bool{}
		for name := range w.waking {
			names[name] = w.disowned && w.todo[name]
		}
	} else {
		w.todo = map[InstanceName]bool{}
	}
	for name, yes := range names {
		if yes {
			delete(w.todo, name)
			w.begin(name)
		}
	}
}

// begin starts the work that an instance's state asks for, if it asks for any.
// An instance that has a job, or waits to be tried again, is looked at when that
// is over.
func (w *writer) begin(name InstanceName) {
	in := w.x.Instances[name]
	if in == nil || w.jobs[name] != nil || !w.agenda.when(alarm{alarmRetry, string(name)}).IsZero() {
		return
	}
	if v := w.needs(in); v != "" {
		w.start(&job{verb: v, order: w.order(in), began: time.Now(), settings: w.settings(name), source: in.ForkOf, present: w.present[name],
			move: in.Moving, remotes: in.remotes()})
	}
}

// needs returns the verb that an instance waits for, "" for none.
func (w *writer) needs(in *Instance) verb {
	_, asleep := w.waking[in.Name]
	switch {
	case in.State == Creating:
		return verbCreate
	case in.State == Starting && !w.awaitsFork(in.Name):
		return verbStart
	case in.State == Leased && in.Moving != nil:
		if w.moving[in.Name] {
			return "" // somebody is at it
		}
		return verbSettle
	case in.State == Leased && asleep:
		return verbWake
	case in.State == Ready && w.checks[in.Name]:
		return verbCheck
	case in.State == Resetting:
		return verbReset
	case in.State == Deleting && in.Hold == nil:
		return verbDelete
	}
	return ""
}

// order describes an instance to the backend: the pool's spec, but where and
// as it was made.
func (w *writer) order(in *Instance) Order {
	spec := w.x.spec
	if in.Place.Project != "" {
		spec.Project = in.Place.Project
	}
	if in.Standby != "" && in.State != Starting {
		spec.Standby = in.Standby
	}
	if in.ForkOf != "" {
		spec.Standby = StandbyRunning // it is somebody's from the start
	}
	return Order{Manager: w.env.manager, Pool: w.name, Instance: in.Name, Spec: &spec, Remote: in.Place.Remote, Origin: in.Origin}
}

// start runs a job on a worker of its own.
func (w *writer) start(j *job) {
	w.jobs[j.order.Instance] = j
	ctx := w.work
	var mine context.Context
	mine, j.stop = context.WithCancel(ctx)
	w.workers.Go(func() {
		defer j.stop()
		o := w.env.do(w.follow(mine, j), j)
		w.tell(ctx, func(t *turn) { t.jobEnded(j, o) })
	})
}

// follow has what is said under the returned context of a job's progress kept
// and published: making a template takes its time.
func (w *writer) follow(ctx context.Context, j *job) context.Context {
	if j.verb != verbCreate {
		return ctx
	}
	return WithProgress(ctx, func(p Progress) {
		if stage := p.Stage; stage != j.doing() {
			j.stage.Store(&stage)
			w.env.bus.publish(Event{Time: time.Now(), Type: InstanceMaking, Pool: w.name, Instance: j.order.Instance, Message: stage})
		}
	})
}

// dropCheck gives up looking at a ready instance that is wanted now: nobody
// waits for that, nor for it to be tried again.
func (t *turn) dropCheck(name InstanceName) {
	delete(t.checks, name)
	delete(t.tries, name)
	t.agenda.clear(alarm{alarmRetry, string(name)})
	if j := t.jobs[name]; j != nil {
		j.stop()
	}
}

// tell sends the writer a message from a worker, unless the worker is to end.
func (w *writer) tell(ctx context.Context, do func(*turn)) {
	select {
	case w.inbox <- message{do: do}:
	case <-ctx.Done():
	case <-w.ended:
	}
}

// do makes the job's call when there is a slot for it.
func (e *env) do(ctx context.Context, j *job) (o outcome) {
	if err := j.awaitParting(ctx); err != nil {
		return outcome{err: err}
	}
	if slots := e.slots.of(j.verb); slots != nil {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return outcome{err: ctx.Err()}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, j.timeout())
	defer cancel()
	defer func() { o.late = o.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) }()
	backend, err := e.at(j.order.Remote)
	if err != nil {
		return outcome{err: err}
	}
	switch j.verb {
	case verbCreate:
		o.origin, o.err = create(ctx, backend, j)
	case verbStart:
		o.place, o.err = backend.Start(ctx, j.order)
		o.place.Remote = j.order.Remote
	case verbWake:
		o.err = wake(ctx, backend, j)
	case verbCheck:
		o.err = backend.Check(ctx, j.order)
	case verbReset:
		o.err = backend.Reset(ctx, j.order)
	case verbDelete:
		o.err = e.deleteOn(ctx, j.order, j.remotes...)
	case verbSettle:
		o.place, o.err = e.settle(ctx, j)
	}
	return o
}

// deleteOn deletes an instance from every LXD that it may be on.
func (e *env) deleteOn(ctx context.Context, o Order, remotes ...RemoteName) error {
	var errs []error
	for _, remote := range remotes {
		backend, err := e.at(remote)
		if err == nil {
			err = backend.Delete(ctx, o)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// settle ends a move that nobody is at any more.
func (e *env) settle(ctx context.Context, j *job) (Place, error) {
	if j.move.Arrived {
		return j.move.To, e.deleteOn(ctx, j.order, j.move.From.Remote)
	}
	return e.backend.(Mover).Settle(ctx, j.order, *j.move)
}

// elsewhere reports whether another LXD than the pools' may be to blame.
func (j *job) elsewhere() bool {
	return len(j.remotes) != 1 || j.remotes[0] != ""
}

// create makes the job's instance.
func create(ctx context.Context, backend Backend, j *job) (Origin, error) {
	if j.source == "" {
		return backend.Create(ctx, j.order)
	}
	return j.order.Origin, backend.(Forker).Fork(ctx, j.order, j.source)
}

// wake makes a granted instance what its holder asked for.
func wake(ctx context.Context, backend Backend, j *job) error {
	if j.order.Spec.Standby == StandbyFrozen {
		if err := backend.Wake(ctx, j.order); err != nil {
			return err
		}
	}
	if j.settings == nil {
		return nil
	}
	return prepare(ctx, backend, j.order, j.settings)
}

// awaitParting waits until nobody acts for the last holder on an instance that
// is to be cleaned. What cannot be had for itself is not reset, but is deleted.
func (j *job) awaitParting(ctx context.Context) error {
	if j.verb != verbReset && j.verb != verbDelete || j.present.awaitEmpty(ctx) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if j.verb == verbReset {
		return Errorf(ErrFailed, "", "cannot reset %s: somebody still acts on it %s after its lease ended", j.order.Instance, Duration(partingTime))
	}
	return nil
}

func (j *job) timeout() time.Duration {
	switch j.verb {
	case verbCreate:
		return createTimeout
	case verbStart:
		return time.Duration(j.order.Spec.ReadyTimeout) + startGrace
	case verbWake:
		return wakeTimeout
	case verbCheck:
		return checkTimeout
	case verbSettle:
		return settleTimeout
	}
	return cleanTimeout
}

// jobEnded takes in what a job came to. The instance may have moved on meanwhile.
func (t *turn) jobEnded(j *job, o outcome) {
	name := j.order.Instance
	if t.jobs[name] != j {
		return
	}
	delete(t.jobs, name)
	t.todo[name] = true
	in := t.x.Instances[name]
	if in == nil {
		return
	}
	if j.verb == verbCheck {
		delete(t.checks, name)
	}
	if t.needsNow(in) != j.verb && (j.verb != verbCheck || in.State != Ready) {
		return // it was sent on its way meanwhile
	}
	switch {
	case o.err == nil:
		delete(t.tries, name)
		if !j.elsewhere() {
			t.backendBack()
		}
		t.succeeded(in, j, o)
	case o.late:
		t.env.look() // is it LXD, or this one?
		t.late(in, j)
	case j.elsewhere() && (errors.Is(o.err, ErrUnavailable) || errors.Is(o.err, ErrNotFound)):
		t.env.look() // which LXD is it?
		t.uncertain(in, j, o.err)
	case errors.Is(o.err, ErrUnavailable):
		t.backendAway(o.err)
		t.uncertain(in, j, o.err)
	default:
		t.stats.Failures[string(j.verb)]++
		t.log.Warn("work on an instance failed", "instance", string(name), "verb", string(j.verb), "error", o.err)
		t.failed(in, j, o.err)
	}
}

// needsNow is needs without regard to holds and checks, to tell whether a job's
// answer still matters.
func (t *turn) needsNow(in *Instance) verb {
	if in.State == Deleting {
		return verbDelete
	}
	return t.needs(in)
}

func (t *turn) succeeded(in *Instance, j *job, o outcome) {
	switch j.verb {
	case verbCreate:
		next := t.move(in, Spare, func(next *Instance) { next.Origin = o.origin })
		if in.ForkOf != "" {
			t.move(next, Starting, nil)
		}
	case verbStart:
		if in.ForkOf != "" {
			t.forkStarted(in, o.place)
			return
		}
		t.becomeReady(in, j.order.Spec.Standby, o.place)
	case verbWake:
		if j.settings == nil && t.settings(in.Name) != nil && t.x.Leases[in.Lease].Pending {
			return // somebody who wants more than a wake came meanwhile
		}
		t.awake(in)
	case verbCheck:
		t.checked[in.Name] = t.now
	case verbSettle:
		t.settled(in, o.place)
	case verbReset:
		t.stats.ToRecycle.observe(t.now.Sub(in.Since))
		t.move(in, Spare, nil)
	case verbDelete:
		if in.Uses > 0 {
			t.stats.ToRecycle.observe(min(t.now.Sub(in.Since), t.now.Round(0).Sub(in.Freed)))
		}
		t.forget(in)
	}
}

// becomeReady takes in where an instance is and at which standby level: that of
// the spec when its start began, which may have been changed since.
func (t *turn) becomeReady(in *Instance, standby Standby, place Place) {
	t.stats.ToReady.observe(t.now.Sub(in.Since))
	t.checked[in.Name] = t.now
	t.move(in, Ready, func(next *Instance) {
		next.Place, next.Standby = place, standby
		if next.Place.Project == "" {
			next.Place.Project = in.Place.Project
		}
	})
	if in.Origin != t.x.Record.Proven {
		t.rec().Proven = in.Origin
	}
	if t.breaker.open() {
		t.event(Event{Type: CreationResumed, Message: "creation works again"})
	}
	t.breaker.succeed()
}

// late handles work that did not come to an end in its time.
func (t *turn) late(in *Instance, j *job) {
	err := Errorf(ErrFailed, "", "cannot %s %s: it took longer than %s", j.verb, in.Name, Duration(j.timeout()))
	patient := j.verb == verbCheck || j.verb == verbWake // LXD itself may have stood still
	if j.verb == verbSettle || patient && t.tries[in.Name] == 0 {
		t.uncertain(in, j, err)
		return
	}
	t.stats.Failures[string(j.verb)]++
	t.failed(in, j, err)
}

// uncertain handles work whose outcome nobody knows, because LXD went away.
func (t *turn) uncertain(in *Instance, j *job, err error) {
	v := t.waking[in.Name]
	switch {
	case j.verb == verbCreate && in.ForkOf != "":
		t.forkFailed(in, ReasonUnconfirmed, err)
	case j.verb == verbCreate:
		// It may exist or come to exist. It was not confirmed, so it is never used.
		t.doom(in, ReasonUnconfirmed, err.Error())
	case j.verb == verbWake && v != nil && !v.repeated:
		t.takeBack(v, "LXD went away before the instance was awake")
		t.queue.insert(v)
		t.watchWait(v)
	default:
		if j.verb == verbCheck {
			t.checks[in.Name] = true
		}
		t.retryLater(in.Name)
	}
}

// retryLater has work on an instance tried again, later each time.
func (t *turn) retryLater(name InstanceName) {
	t.tries[name]++
	t.agenda.set(alarm{alarmRetry, string(name)}, t.now.Add(jitter(backoff(t.tries[name], time.Second, 5*time.Minute))))
}

// failed handles work that went wrong for this one instance.
func (t *turn) failed(in *Instance, j *job, err error) {
	switch j.verb {
	case verbCreate:
		t.unmade(in, j, ReasonCreateFailed, err)
	case verbStart:
		t.unmade(in, j, ReasonStartFailed, err)
	case verbWake:
		if u, ok := errors.AsType[unprepared](err); ok {
			t.prepareFailed(in, u.error)
			return
		}
		t.wakeFailed(in, err)
	case verbCheck:
		t.doom(in, ReasonCheckFailed, err.Error())
	case verbReset:
		t.doom(in, ReasonResetFailed, err.Error())
	case verbDelete:
		t.deleteFailed(in, err)
	case verbSettle:
		t.settleFailed(in, err)
	}
}

// unmade gives up an instance that did not become usable. A copy of what somebody
// has says nothing about the pool.
func (t *turn) unmade(in *Instance, j *job, reason Reason, err error) {
	if in.ForkOf != "" {
		t.forkFailed(in, reason, err)
		return
	}
	t.doom(in, reason, err.Error())
	t.creationFailed(j, err)
}

// creationFailed counts a failure on the way to a ready instance.
func (t *turn) creationFailed(j *job, err error) {
	wasOpen := t.breaker.open()
	t.breaker.fail(t.now, j.began, err)
	t.agenda.set(alarm{kind: alarmPlan}, t.breaker.retry)
	t.event(Event{Type: CreationFailed, Instance: j.order.Instance, Message: err.Error()})
	if t.breaker.open() && !wasOpen {
		t.event(Event{Type: CreationPaused, Message: "creation keeps failing and is tried seldom now: " + err.Error()})
	}
}

// deleteFailed keeps an instance that cannot be deleted in sight and goes on
// trying. One that lost our tag is not ours to delete.
func (t *turn) deleteFailed(in *Instance, err error) {
	if errors.Is(err, ErrForbidden) {
		t.log.Warn("an instance no longer carries our tag; it is left alone", "instance", string(in.Name))
		t.forget(in)
		return
	}
	t.change(in, func(next *Instance) { next.Detail = "cannot be deleted: " + err.Error() })
	t.retryLater(in.Name)
}

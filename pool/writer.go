package pool

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// writer owns one pool. Its goroutine is the only one that reads or changes
// what stands below the line; everybody else sends it a message.
type writer struct {
	name  PoolName
	env   *env
	log   *slog.Logger
	inbox chan message
	// life ends when the pool is to close; ended is closed when it has.
	life context.Context
	end  context.CancelFunc
	// left is closed when the manager is done with the writer as well.
	ended, left chan struct{}
	// gone is set before ended is closed when the pool was deleted.
	gone bool

	// ---- the writer's own ----

	journal Journal
	x       *index
	queue   queue
	hasty   []*waiter // those in the queue that do not wait
	waking  map[InstanceName]*waiter
	leaving []*caller // those whose leaving has to be noted yet
	wishes  []wish
	forks   []*fork
	moving  map[InstanceName]bool // those that somebody is moving right now
	agenda  *agenda
	breaker breaker
	stats   *Stats

	// todo names the instances that may need work, jobs those that have it, and
	// tries how often work on one has failed.
	todo  map[InstanceName]bool
	jobs  map[InstanceName]*job
	tries map[InstanceName]int
	// present says who acts on the leased instances.
	present map[InstanceName]*presence
	// checks names the ready instances to be looked at, checked when that was.
	checks  map[InstanceName]bool
	checked map[InstanceName]time.Time
	// work ends when the jobs are to end; workers counts them.
	work     context.Context
	stopWork context.CancelFunc
	workers  sync.WaitGroup

	// disowned says that what was being made before has been given up.
	disowned bool
	// listed says that LXD has listed the pool's instances since it was opened.
	listed bool
	seen   time.Time // when LXD last did
	away   *outage   // LXD cannot be reached
	// trouble says that the journal cannot be written.
	trouble *outage
	// origin says that the image could not be looked up.
	origin  *outage
	missing map[InstanceName]int // leased ones not listed, and how often
	strange map[stray]int        // listed ones not remembered, and how often
	remotes map[RemoteName]*outage
	anchor  time.Time // wall and monotonic clock, read together
	burying bool
	burial  *outage // what is left of a doomed pool cannot be deleted
}

// env is what the writers of one manager share.
type env struct {
	manager ManagerID
	backend Backend
	store   Store
	log     *slog.Logger
	bus     *bus
	slots   slots
	limits  Workers
	quotas  quotas
	// look asks the sweeper to list soon.
	look func()
	// visit has a remote listed from now on.
	visit func(RemoteName)
}

// outage is something outside that fails, since when, and when it is tried again.
type outage struct {
	cause string
	// next is what to do about it, if the cause says so.
	next  string
	since time.Time
	retry time.Time
	times int
}

// message is one thing for the writer to do in its next turn. A read is run
// again when the turn's commit fails; what changes something gets the error.
type message struct {
	do   func(*turn)
	read bool
}

// gatherMost bounds how many messages one turn takes.
const gatherMost = 1024

func newWriter(name PoolName, e *env) *writer {
	life, end := context.WithCancel(context.Background())
	w := &writer{
		name: name, env: e, log: e.log.With("pool", string(name)),
		inbox: make(chan message, gatherMost),
		life:  life, end: end, ended: make(chan struct{}), left: make(chan struct{}),
		waking: map[InstanceName]*waiter{}, present: map[InstanceName]*presence{}, moving: map[InstanceName]bool{}, remotes: map[RemoteName]*outage{}, agenda: newAgenda(), stats: newStats(),
		anchor: time.Now(),
	}
	w.idleAgain()
	return w
}

// idleAgain sets what is known about work under way to nothing.
func (w *writer) idleAgain() {
	w.work, w.stopWork = context.WithCancel(w.life)
	w.todo, w.jobs, w.tries = map[InstanceName]bool{}, map[InstanceName]*job{}, map[InstanceName]int{}
	w.checks, w.checked = map[InstanceName]bool{}, map[InstanceName]time.Time{}
	w.missing, w.strange = map[InstanceName]int{}, map[stray]int{}
	w.burying, w.disowned = false, false
}

// run is the writer's goroutine, from open to close.
func (w *writer) run() {
	defer close(w.ended)
	w.resume()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !w.gone {
		timer.Reset(time.Until(w.nextDue()))
		select {
		case m := <-w.inbox:
			w.turn(&m)
		case <-timer.C:
			w.turn(nil)
		case <-w.journal.Lost():
			w.reopen(errors.New("the right to write the journal was lost"))
		case <-w.life.Done():
			w.close()
			return
		}
	}
	w.close()
}

// turn gathers what waits, grants, plans, commits once, and only then answers
// and starts work.
func (w *writer) turn(first *message) {
	t := w.newTurn()
	w.gather(t, first)
	calm := w.trouble == nil || !t.now.Before(w.trouble.retry)
	if calm {
		t.disown()
		for _, c := range w.leaving {
			t.callerLeft(c)
		}
		w.leaving = nil
		t.watchClock()
		t.ring()
		t.grant()
	} else {
		t.refuseLate()
	}
	t.refuseHasty()
	if calm {
		t.plan()
	}
	if calm && w.trouble != nil {
		t.rec() // see whether the journal can be written again
	}
	if mutated(answerBeforeCommit) {
		t.finish()
		t.after, t.granted = nil, nil
	}
	if err := t.commit(); err != nil {
		w.fail(t, err)
		return
	}
	t.finish()
}

// nextDue returns when the writer has to look without being asked. While the
// journal cannot be written only the waiters' own deadlines count.
func (w *writer) nextDue() time.Time {
	if w.trouble == nil {
		if when, ok := w.agenda.next(); ok {
			return when
		}
		return time.Now().Add(time.Hour)
	}
	when := w.trouble.retry
	for _, v := range w.queue.waiters {
		if !v.deadline.IsZero() && v.deadline.Before(when) {
			when = v.deadline
		}
	}
	return when
}

func (w *writer) gather(t *turn, first *message) {
	run := func(m message) {
		if m.read {
			t.reads = append(t.reads, m.do)
		}
		m.do(t)
	}
	if first != nil {
		run(*first)
	}
	for range gatherMost {
		select {
		case m := <-w.inbox:
			run(m)
		default:
			return
		}
	}
}

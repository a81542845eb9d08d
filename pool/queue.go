package pool

import (
	"context"
	"slices"
	"time"
)

// waiter is one request in the queue, or one that has its leases and waits
// until their instances are awake.
type waiter struct {
	AcquireRequest
	seq    uint64
	caller *caller
	began  time.Time
	// deadline is when its wait is over; zero: only its caller's context ends it.
	deadline time.Time
	// leases are set when it has been granted; asleep is what is not awake yet.
	// repeated says that an earlier call may have got the answer already.
	leases   []LeaseID
	asleep   map[InstanceName]bool
	repeated bool
	// source is the instance of which it wants copies, "" for an acquire.
	source InstanceName
}

// caller is who waits for a waiter's answer. A request asked again replaces its caller.
type caller struct {
	ctx    context.Context
	tokens []Token
	reply  chan acquired // takes one answer
}

type acquired struct {
	grants []Grant
	err    error
}

func newCaller(ctx context.Context, count int) *caller {
	c := &caller{ctx: ctx, reply: make(chan acquired, 1), tokens: make([]Token, count)}
	for i := range c.tokens {
		c.tokens[i] = newToken()
	}
	return c
}

// answer gives the caller its one answer; any further one is dropped.
func (c *caller) answer(a acquired) {
	select {
	case c.reply <- a:
	default:
	}
}

// queue holds the waiters, the higher priority first, and in order within one.
type queue struct {
	waiters []*waiter
	asked   map[requestKey]*waiter
	seq     uint64
	demand  int // the sum of their counts
}

func (q *queue) add(v *waiter) {
	q.seq++
	v.seq = q.seq
	q.insert(v)
}

// insert puts v where its priority and number say, also back at its old place.
func (q *queue) insert(v *waiter) {
	at, _ := slices.BinarySearchFunc(q.waiters, v, func(a, b *waiter) int {
		if a.Priority != b.Priority {
			return b.Priority - a.Priority
		}
		return int(int64(a.seq) - int64(b.seq))
	})
	q.waiters = slices.Insert(q.waiters, at, v)
	q.demand += v.Count
	if v.Request != "" {
		if q.asked == nil {
			q.asked = map[requestKey]*waiter{}
		}
		q.asked[v.key()] = v
	}
}

// remove takes v out and reports whether it was in.
func (q *queue) remove(v *waiter) bool {
	at := slices.Index(q.waiters, v)
	if at < 0 {
		return false
	}
	q.demand -= v.Count
	delete(q.asked, v.key())
	q.waiters = slices.Delete(q.waiters, at, at+1)
	return true
}

func (q *queue) head() *waiter {
	if len(q.waiters) == 0 {
		return nil
	}
	return q.waiters[0]
}

// find returns the waiter of a request asked before, nil if there is none.
func (q *queue) find(key requestKey) *waiter {
	return q.asked[key]
}

func (v *waiter) key() requestKey { return requestKey{v.Holder, v.Request} }

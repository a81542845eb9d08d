package pool

import (
	"math/rand/v2"
	"time"
)

// Creation that fails is tried again after a second, then after twice that, and
// so on to breakerRest; from breakerOpen failures in a row it is said to be paused.
const (
	breakerOpen = 5
	breakerRest = 2 * time.Minute
)

// breaker keeps a pool from trying in vain. Creation and start share one: both
// are steps on the way to a ready instance, and only a ready one closes it.
type breaker struct {
	failures int
	cause    string
	next     string    // what to do about it, if the cause says so
	since    time.Time // of the first failure in a row
	last     time.Time // of the latest counted failure
	retry    time.Time
}

// fail counts a failure of work that began at began. Work that was under way
// when another failure was counted says nothing new.
func (b *breaker) fail(now, began time.Time, cause error) {
	b.cause, b.next = textAndNext(cause)
	if b.failures > 0 && began.Before(b.last) {
		return
	}
	if b.failures == 0 {
		b.since = now
	}
	b.failures++
	b.last = now
	b.retry = now.Add(jitter(backoff(b.failures, time.Second, breakerRest)))
}

// succeed forgets the failures.
func (b *breaker) succeed() { *b = breaker{} }

func (b *breaker) open() bool { return b.failures >= breakerOpen }

// room returns how many of n may be tried, with so many under way: all while
// there is no failure, none before the time to retry, then one.
func (b *breaker) room(now time.Time, n, underway int) int {
	switch {
	case b.failures == 0:
		return max(0, n-underway)
	case now.Before(b.retry):
		return 0
	default:
		return max(0, 1-underway)
	}
}

// backoff returns how long to wait after the nth failure in a row.
func backoff(n int, first, most time.Duration) time.Duration {
	if n > 16 {
		return most
	}
	return min(most, first<<(n-1))
}

// jitter returns d, give or take a fifth.
func jitter(d time.Duration) time.Duration {
	return d - d/5 + rand.N(2*d/5+1)
}

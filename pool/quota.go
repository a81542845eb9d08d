package pool

import (
	"strings"
	"sync"
)

// quotas counts the leases of each named token over all pools, so that the
// writers of several pools together give no more than it may have. What a turn
// took counts at once; what it ended counts until that is durable.
type quotas struct {
	most func(Identity) int // 0: any number

	mu    sync.Mutex
	taken map[Identity]map[PoolName]int
}

// load counts what the journal of a pool holds, in place of what was counted.
func (q *quotas) load(name PoolName, x *index) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, pools := range q.taken {
		delete(pools, name)
	}
	for id := range x.running {
		q.add(name, x.Leases[id].Holder, 1)
	}
}

func (q *quotas) add(name PoolName, holder Identity, n int) {
	if !strings.HasPrefix(string(holder), tokenHolder) {
		return
	}
	if q.taken == nil {
		q.taken = map[Identity]map[PoolName]int{}
	}
	if q.taken[holder] == nil {
		q.taken[holder] = map[PoolName]int{}
	}
	q.taken[holder][name] += n
}

// take counts n more for a holder, unless those would be too many. Then it
// returns how many there are and may be.
func (q *quotas) take(name PoolName, holder Identity, n int) error {
	return q.check(name, holder, n, true)
}

// room is take without taking.
func (q *quotas) room(name PoolName, holder Identity, n int) error {
	return q.check(name, holder, n, false)
}

func (q *quotas) check(name PoolName, holder Identity, n int, take bool) error {
	most := q.most(holder)
	q.mu.Lock()
	defer q.mu.Unlock()
	has := 0
	for _, in := range q.taken[holder] {
		has += in
	}
	if most > 0 && has+n > most {
		return Errorf(ErrLimit, "release some first", "cannot acquire %d from pool %s: %s has %d, and may have %d at once", n, name, holder, has, most)
	}
	if take {
		q.add(name, holder, n)
	}
	return nil
}

// give takes what has ended off the count.
func (q *quotas) give(name PoolName, holder Identity) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(name, holder, -1)
}

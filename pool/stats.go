package pool

import (
	"context"
	"errors"
	"maps"
	"time"
)

// Stats are figures of one pool since its daemon started. Counters only grow.
type Stats struct {
	Counts Counts
	// Hits are grants out of what was ready at once, Misses those that waited.
	Hits, Misses uint64
	// Refused counts acquires that got an error, by its code.
	Refused map[string]uint64
	// Ended counts ended leases by cause.
	Ended map[Cause]uint64
	// Failures counts failed work, by verb: create, start, wake, check, reset, delete.
	Failures map[string]uint64
	// Deleted counts instances that went, by reason.
	Deleted map[string]uint64
	// Leaked counts deleted instances that nobody remembered.
	Leaked uint64
	// Commits counts commits to the journal, Reopened how often it was reopened.
	Commits, Reopened uint64

	ToGrant   Histogram // from acquire to grant
	ToReady   Histogram // from the order to make one until it is ready
	ToRecycle Histogram // from the end of a lease until its instance is clean or gone
}

// Histogram counts durations, in seconds.
type Histogram struct {
	// Bounds are upper bounds, inclusive, rising. Counts has one more entry, for
	// what is above the last.
	Bounds []float64
	Counts []uint64
	Sum    float64
}

// bounds suit what the engine measures: from a tenth of a millisecond to minutes.
var bounds = []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

func newHistogram() Histogram {
	return Histogram{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}
}

func (h *Histogram) observe(d time.Duration) {
	s := d.Seconds()
	h.Sum += s
	for i, bound := range h.Bounds {
		if s <= bound {
			h.Counts[i]++
			return
		}
	}
	h.Counts[len(h.Bounds)]++
}

func (h *Histogram) clone() Histogram {
	return Histogram{Bounds: h.Bounds, Counts: append([]uint64(nil), h.Counts...), Sum: h.Sum}
}

func newStats() *Stats {
	return &Stats{
		Refused: map[string]uint64{}, Ended: map[Cause]uint64{},
		Failures: map[string]uint64{}, Deleted: map[string]uint64{},
		ToGrant: newHistogram(), ToReady: newHistogram(), ToRecycle: newHistogram(),
	}
}

// copyStats returns the figures of now, for others to keep.
func (t *turn) copyStats() *Stats {
	s := *t.stats
	s.Counts = t.counts()
	s.Refused, s.Ended = maps.Clone(s.Refused), maps.Clone(s.Ended)
	s.Failures, s.Deleted = maps.Clone(s.Failures), maps.Clone(s.Deleted)
	s.ToGrant, s.ToReady, s.ToRecycle = s.ToGrant.clone(), s.ToReady.clone(), s.ToRecycle.clone()
	return &s
}

// Stats returns the figures of every pool.
func (m *Manager) Stats(ctx context.Context) (map[PoolName]*Stats, error) {
	all := map[PoolName]*Stats{}
	for _, w := range m.all() {
		s, err := read(ctx, w, func(t *turn) (*Stats, error) { return t.copyStats(), nil })
		if err != nil && !errors.Is(err, ErrNoPool) {
			return nil, err
		}
		if s != nil {
			all[w.name] = s
		}
	}
	return all, nil
}

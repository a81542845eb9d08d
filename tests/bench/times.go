package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// times are lengths of time of one kind.
type times []time.Duration

// at returns the shortest that a share q of them does not exceed, 0 of none.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func (t times) p50() time.Duration { return t.at(.50) }
func (t times) p99() time.Duration { return t.at(.99) }

// timed returns how long do took.
func timed(do func() error) (time.Duration, error) {
	began := time.Now()
	err := do()
	return time.Since(began), err
}

// add appends how long do took, unless it failed.
func (t *times) add(do func() error) error {
	took, err := timed(do)
	if err == nil {
		*t = append(*t, took)
	}
	return err
}

// pairs are two ways to the same end, each measured right after the other, so
// that both met the same machine.
type pairs struct{ ours, theirs times }

// ratio returns the median of ours/theirs over the pairs.
func (p pairs) ratio() float64 {
	var all []float64
	for i := range p.ours {
		all = append(all, float64(p.ours[i])/float64(p.theirs[i]))
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// over returns a/b as text.
func over(a, b time.Duration) string { return factor(float64(a) / float64(b)) }

// factor writes a ratio with as many digits as mean something.
func factor(x float64) string {
	switch {
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

// ms writes a length of time in milliseconds.
func ms(d time.Duration) string {
	x := float64(d) / float64(time.Millisecond)
	if x >= 100 {
		return fmt.Sprintf("%.0f ms", x)
	}
	return fmt.Sprintf("%.2f ms", x)
}

// seconds writes a length of time in seconds.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

package pool

import "time"

// wish is what an acquire that would not wait leaves behind: the pool makes
// what was missing, for the next one who asks.
type wish struct {
	count int
	until time.Time
}

// wishKept is how long a wish counts as demand.
const wishKept = time.Minute

func (t *turn) wish(count int) {
	until := t.now.Add(wishKept)
	t.wishes = append(t.wishes, wish{count, until})
	t.agenda.set(alarm{kind: alarmWish}, t.wishes[0].until)
}

// fulfil takes granted instances off the wishes.
func (t *turn) fulfil(count int) {
	for count > 0 && len(t.wishes) > 0 {
		n := min(count, t.wishes[0].count)
		count -= n
		if t.wishes[0].count -= n; t.wishes[0].count == 0 {
			t.wishes = t.wishes[1:]
		}
	}
}

// demand is how many instances are asked for, within what can exist.
func (w *writer) demand() int {
	n := w.queue.demand
	for _, each := range w.wishes {
		n += each.count
	}
	return min(n, w.x.spec.Max)
}

func (t *turn) forgetWishes() {
	for len(t.wishes) > 0 && !t.now.Before(t.wishes[0].until) {
		t.wishes = t.wishes[1:]
	}
	if len(t.wishes) > 0 {
		t.agenda.set(alarm{kind: alarmWish}, t.wishes[0].until)
	}
}

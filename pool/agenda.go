package pool

import (
	"container/heap"
	"time"
)

// alarm names something that falls due for a writer.
type alarm struct {
	kind alarmKind
	name string // of the lease, instance or waiter it is about
}

type alarmKind uint8

const (
	alarmLease   alarmKind = iota + 1 // a lease expires
	alarmAge                          // an instance is too old
	alarmHold                         // a hold ends
	alarmWait                         // a waiter's time is over
	alarmWish                         // a wish is forgotten
	alarmRetry                        // work on an instance is tried again
	alarmPlan                         // plan may allow more than before
	alarmForget                       // the oldest ended lease is forgotten
	alarmAlive                        // the record says again that we live
	alarmResolve                      // the image is looked up again
)

// agenda is a set of alarms, each with one time, earliest first.
// Times are compared with their monotonic part.
type agenda struct {
	items []agendaItem
	at    map[alarm]int
}

type agendaItem struct {
	alarm alarm
	when  time.Time
}

func newAgenda() *agenda { return &agenda{at: map[alarm]int{}} }

// set puts the alarm at when, in place of an earlier time of the same alarm.
func (a *agenda) set(which alarm, when time.Time) {
	if i, ok := a.at[which]; ok {
		a.items[i].when = when
		heap.Fix(a, i)
		return
	}
	heap.Push(a, agendaItem{which, when})
}

func (a *agenda) clear(which alarm) {
	if i, ok := a.at[which]; ok {
		heap.Remove(a, i)
	}
}

// when returns the time of an alarm, zero if it is not set.
func (a *agenda) when(which alarm) time.Time {
	if i, ok := a.at[which]; ok {
		return a.items[i].when
	}
	return time.Time{}
}

// next returns the earliest time, and whether there is one.
func (a *agenda) next() (time.Time, bool) {
	if len(a.items) == 0 {
		return time.Time{}, false
	}
	return a.items[0].when, true
}

// due removes and returns the earliest alarm if it is not after now.
func (a *agenda) due(now time.Time) (alarm, bool) {
	if len(a.items) == 0 || a.items[0].when.After(now) {
		return alarm{}, false
	}
	return heap.Pop(a).(agendaItem).alarm, true
}

// The five methods of heap.Interface.

func (a *agenda) Len() int           { return len(a.items) }
func (a *agenda) Less(i, j int) bool { return a.items[i].when.Before(a.items[j].when) }
func (a *agenda) Swap(i, j int) {
	a.items[i], a.items[j] = a.items[j], a.items[i]
	a.at[a.items[i].alarm], a.at[a.items[j].alarm] = i, j
}
func (a *agenda) Push(x any) {
	item := x.(agendaItem)
	a.at[item.alarm] = len(a.items)
	a.items = append(a.items, item)
}
func (a *agenda) Pop() any {
	last := a.items[len(a.items)-1]
	a.items = a.items[:len(a.items)-1]
	delete(a.at, last.alarm)
	return last
}

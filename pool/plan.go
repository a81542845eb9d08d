package pool

// want is what a pool should have.
type want struct {
	size, spares, max int
	// demand is how many instances requests wait for, on top of size.
	demand int
	// roll is how many idle outdated instances may be under replacement at once.
	roll int
}

// have is what there is: the seven states, apart from the copies that are being
// made of leased ones, and how many of the idle ones are outdated.
type have struct {
	forks                                                         int
	creating, spare, starting, ready, leased, resetting, deleting int
	oldSpare, oldReady                                            int
}

func (h have) total() int {
	return h.forks + h.creating + h.spare + h.starting + h.ready + h.leased + h.resetting + h.deleting
}

// room is how many more creations and starts may be begun now.
type room struct{ create, start int }

// steps is what to do next. Outdated ones are retired first, and started last.
type steps struct{ create, start, retireSpare, retireReady int }

// plan compares what a pool should have with what there is. It knows no clock
// and does nothing; the same facts give the same steps. Replacement of outdated
// idle instances goes through the same numbers: a few more than needed are made,
// and whatever is then too much is retired, outdated ones first. So a new image
// that does not work costs nothing: the old ones stay until a new one is ready.
func plan(w want, h have, r room) steps {
	target := w.size + w.demand
	missing := max(0, target-h.ready-h.starting)
	rolling := min(h.oldReady, max(0, w.roll-h.starting))

	fresh := h.spare - h.oldSpare
	start := min(missing+rolling, fresh)
	start += min(max(0, missing-start), h.oldSpare)

	shelf := w.spares + missing + rolling
	lack := shelf - h.spare - h.creating - h.resetting
	lack += min(h.oldSpare, max(0, w.roll-h.creating-h.starting))
	free := w.max - h.total()

	s := steps{
		create:      max(0, min(lack, free, r.create)),
		start:       min(start, r.start),
		retireSpare: max(0, h.spare-shelf),
		retireReady: max(0, h.ready-target),
	}
	if free <= 0 && w.demand == 0 && s == (steps{}) && h.creating+h.starting+h.resetting+h.deleting == 0 {
		// No room to make the new one first.
		s.retireSpare = min(h.oldSpare, w.roll)
		s.retireReady = min(h.oldReady, w.roll-s.retireSpare)
	}
	return s
}

package pool

import "container/list"

// shelf is a set of instances in the order in which they came.
type shelf struct {
	order *list.List
	at    map[InstanceName]*list.Element
}

func newShelf() shelf { return shelf{order: list.New(), at: map[InstanceName]*list.Element{}} }

func (s shelf) len() int { return len(s.at) }

func (s shelf) add(name InstanceName) {
	if _, ok := s.at[name]; !ok {
		s.at[name] = s.order.PushBack(name)
	}
}

func (s shelf) remove(name InstanceName) {
	if e, ok := s.at[name]; ok {
		s.order.Remove(e)
		delete(s.at, name)
	}
}

// first returns the one that came first, "" if there is none.
func (s shelf) first() InstanceName {
	if e := s.order.Front(); e != nil {
		return e.Value.(InstanceName)
	}
	return ""
}

// idle is the instances of one idle state, up to date and outdated ones apart.
type idle struct{ fresh, old shelf }

func newIdle() idle { return idle{newShelf(), newShelf()} }

func (i idle) len() int { return i.fresh.len() + i.old.len() }

func (i idle) add(name InstanceName, outdated bool) {
	if outdated {
		i.old.add(name)
	} else {
		i.fresh.add(name)
	}
}

func (i idle) remove(name InstanceName) {
	i.fresh.remove(name)
	i.old.remove(name)
}

// best returns the one to use next, worst the one to give up next.
func (i idle) best() InstanceName {
	if i.fresh.len() > 0 {
		return i.fresh.first()
	}
	return i.old.first()
}

func (i idle) worst() InstanceName {
	if i.old.len() > 0 {
		return i.old.first()
	}
	return i.fresh.first()
}

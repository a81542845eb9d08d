package pool

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Mover is a power that a [Backend] may have: to take an instance in use to
// another place. The order is that of the instance at m.From; a place in another
// LXD is one of a remote, whose name [Elsewhere] knows.
//
// A move within one LXD leaves nothing behind: when Move has returned nil, the
// instance is at m.To alone. After one to another LXD there are two, the one at
// m.From stopped and as it was, until somebody deletes it.
type Mover interface {
	// VetMove nil: the instance could be moved, as far as can be told without
	// doing it. It returns what the instance is doing, and changes nothing.
	VetMove(ctx context.Context, o Order, m Moving) (Status, error)
	// Move nil: the instance is at m.To, complete, with its snapshots and its
	// tags, doing what it did. It returns where exactly. After an error, also
	// that of ctx, only Settle knows what there is.
	Move(ctx context.Context, o Order, m Moving) (Place, error)
	// Settle ends a move of which nobody knows how far it came: it brings the
	// instance back to m.From if it can, doing what it did before. It returns
	// where the instance is now. A move to another LXD may leave something at
	// m.To. Errors: [ErrGone] when the instance is nowhere.
	Settle(ctx context.Context, o Order, m Moving) (Place, error)
}

// Elsewhere is a power that a [Backend] may have: to reach the LXDs of [Remotes].
type Elsewhere interface {
	// At returns the backend for what is on a remote, with every power that it
	// has itself. It does not connect. [ErrNotFound]: there is no such LXD.
	At(name RemoteName) (Backend, error)
}

// Destination is where to move an instance: to a cluster member, another LXD,
// or a member of that.
type Destination struct {
	// Remote names another LXD. "": the one where it is; [Local]: that of the pool.
	Remote RemoteName `json:"remote,omitempty"`
	// Target is the cluster member. "": any, which makes sense on another LXD only.
	Target string `json:"target,omitempty"`
}

// Moving is a move that began, and that is not known to be over. Meanwhile the
// instance may be at either place.
type Moving struct {
	From Place `json:"from"`
	// To has no location when any member of another LXD will do.
	To     Place     `json:"to"`
	Status Status    `json:"status"`
	Since  time.Time `json:"since"`
	// Arrived: the instance is at To and in use there. What is at From goes.
	Arrived bool `json:"arrived,omitempty"`
}

// within reports whether the move stays in one LXD.
func (m *Moving) within() bool { return m.From.Remote == m.To.Remote }

// unsettled reports whether nobody knows which place counts.
func (in *Instance) unsettled() bool { return in.Moving != nil && !in.Moving.Arrived }

// mayBeOn reports whether an instance of that name belongs on an LXD.
func (in *Instance) mayBeOn(remote RemoteName) bool {
	return in.Place.Remote == remote || in.Moving != nil && (in.Moving.From.Remote == remote || in.Moving.To.Remote == remote)
}

// remotes returns every LXD that the instance may be on.
func (in *Instance) remotes() []RemoteName {
	list := []RemoteName{in.Place.Remote}
	if in.Moving != nil && !in.Moving.within() {
		list = []RemoteName{in.Moving.From.Remote, in.Moving.To.Remote}
	}
	return list
}

// at returns the backend of an LXD, "" being that of the pools.
func (e *env) at(remote RemoteName) (Backend, error) {
	if remote == "" {
		return e.backend, nil
	}
	elsewhere, ok := e.backend.(Elsewhere)
	if !ok {
		return nil, Errorf(ErrUnsupported, "", "cannot reach remote %s: this backend cannot", remote)
	}
	return elsewhere.At(remote)
}

// settleTimeout bounds one attempt to settle a move, which may have to take the
// whole instance back.
const settleTimeout = 10 * time.Minute

// Move takes the instance of a running lease to another cluster member or
// another LXD. It is stopped for that, and started again if it ran; commands in
// it end, and nothing else can be done through the lease meanwhile. Lease,
// files and snapshots stay as they are. When it returns the instance can be
// used where it is now. On error, and when ctx ends, it is where it was, doing
// what it did; while that cannot be brought about because LXD is away, the lease
// stays and the manager goes on trying. When its lease ends, an instance that
// was moved is replaced, never reset.
func (m *Manager) Move(ctx context.Context, id LeaseID, to Destination) (Grant, error) {
	mover, err := powerOf[Mover](m, "move the instance of lease "+string(id))
	if err != nil {
		return Grant{}, err
	}
	s, err := m.sessionOf(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	defer s.leave()
	return during(ctx, m, s, func(ctx context.Context) (Grant, error) {
		leave, err := s.present.beAlone(ctx)
		if err != nil {
			return Grant{}, err
		}
		defer leave()
		move := &Moving{From: s.place, To: s.place}
		move.From.Addresses, move.To.Addresses = nil, nil
		if err := to.aim(move); err != nil {
			return Grant{}, err
		}
		Report(ctx, Progress{Stage: "looking"})
		if move.Status, err = mover.VetMove(ctx, s.order, *move); err != nil {
			return Grant{}, err
		}
		return m.move(ctx, mover, s, move)
	})
}

// aim turns the destination into the place to move to.
func (d Destination) aim(m *Moving) error {
	switch {
	case d == Destination{}:
		return Invalidf(`say --target MEMBER or REMOTE:`, "cannot move it: where to is missing")
	case d.Remote == Local:
		m.To.Remote = ""
	case d.Remote != "":
		m.To.Remote = d.Remote
	}
	if m.within() && d.Target == "" {
		return Invalidf(`name another remote, or a cluster member with --target`, "cannot move it to %s: it is there already", cmp.Or(d.Remote, Local))
	}
	m.To.Location = d.Target
	return nil
}

// move writes down what is about to happen, does it, and writes down what came
// of it. It is the writer's to go on when that cannot be done here.
func (m *Manager) move(ctx context.Context, mover Mover, s *session, move *Moving) (Grant, error) {
	w, err := m.ofLease(s.lease.ID)
	if err != nil {
		return Grant{}, err
	}
	if _, err := change(ctx, w, func(t *turn) (Grant, error) { return t.beginMove(s.lease.ID, move) }); err != nil {
		return Grant{}, err
	}
	name := s.order.Instance
	// Whatever is left to do then is the workers'.
	defer w.tell(w.life, func(t *turn) { delete(t.moving, name); t.todo[name] = true })
	s.present.moves.Add(1)
	place, moveErr := mover.Move(ctx, s.order, *move)
	settled, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if moveErr == nil {
		g, err := change(settled, w, func(t *turn) (Grant, error) { return t.arrive(s.lease.ID, move, place) })
		if err != nil || g.Instance.Moving == nil {
			return g, err
		}
		return m.clearAway(settled, w, s, g)
	}
	if isClosed(s.done) {
		return Grant{}, moveErr // and the instance goes, from both places
	}
	Report(settled, Progress{Stage: "taking it back"})
	place, err = mover.Settle(settled, s.order, *move)
	_, err = change(settled, w, func(t *turn) (Grant, error) { return t.settle(name, move, place, err) })
	if err != nil {
		m.env.log.Warn("cannot settle a move yet", "instance", string(name), "error", err)
	}
	return Grant{}, moveErr
}

// clearAway deletes what an instance left at its old place. What cannot be
// deleted now is left to the workers.
func (m *Manager) clearAway(ctx context.Context, w *writer, s *session, g Grant) (Grant, error) {
	Report(ctx, Progress{Stage: "clearing away"})
	left := g.Instance.Moving
	if err := m.env.deleteOn(ctx, s.order, left.From.Remote); err != nil {
		m.env.log.Warn("cannot delete yet what was moved away", "instance", string(s.order.Instance), "error", err)
		return g, nil
	}
	return change(ctx, w, func(t *turn) (Grant, error) {
		l, in, err := t.lease(s.lease.ID)
		if err == nil && in.Moving == left {
			in = t.change(in, func(next *Instance) { next.Moving = nil })
		}
		return Grant{Lease: l, Instance: in}, err
	})
}

// beginMove writes down that an instance is about to be moved.
func (t *turn) beginMove(id LeaseID, move *Moving) (Grant, error) {
	l, in, err := t.lease(id)
	switch {
	case err != nil:
		return Grant{}, err
	case in.Moving != nil:
		return Grant{}, movingNow(l)
	case in.Place.Remote != move.From.Remote || in.Place.Location != move.From.Location:
		return Grant{}, movingNow(l) // it was, while we looked
	case t.strange[stray{move.To.Remote, in.Name}] > 0:
		return Grant{}, Errorf(ErrInUse, "try again in a minute", "cannot move %s there: what an earlier move left there is being deleted", in.Name)
	}
	move.Since = t.now.Round(0)
	t.visit(move.To.Remote)
	next := t.change(in, func(next *Instance) { next.Moving = move })
	t.moving[in.Name] = true
	t.then(func(commit error) {
		if commit != nil {
			delete(t.moving, in.Name)
		}
	})
	t.event(Event{Type: InstanceMoving, Lease: id, Instance: in.Name, Holder: l.Holder, Message: "is being moved to " + move.To.where()})
	return Grant{Lease: l, Instance: next}, nil
}

// arrive takes in where an instance is that was moved. What is at its old place
// goes, once it is durable that the new one counts.
func (t *turn) arrive(id LeaseID, move *Moving, place Place) (Grant, error) {
	l, in, err := t.lease(id)
	if err != nil {
		return Grant{}, err // it is deleted from both places
	}
	place.Remote = move.To.Remote
	next := t.change(in, func(next *Instance) {
		next.Moved = true
		next.Place, next.Moving = place, leftBehind(move.From, place, move.Since)
	})
	delete(t.missing, in.Name)
	t.event(Event{Type: InstanceMoved, Lease: id, Instance: in.Name, Holder: l.Holder, Message: "is at " + place.where() + " now"})
	return Grant{Lease: l, Instance: next}, nil
}

// leftBehind is the end of a move: what is left at a place, nil for nothing.
func leftBehind(at, now Place, since time.Time) *Moving {
	if at.Remote == now.Remote {
		return nil
	}
	return &Moving{From: at, To: now, Since: since, Arrived: true}
}

// settle takes in what became of a move that went wrong.
func (t *turn) settle(name InstanceName, move *Moving, place Place, err error) (Grant, error) {
	in := t.x.Instances[name]
	if in == nil || in.State != Leased || !in.unsettled() || err != nil {
		return Grant{}, err
	}
	l := t.x.Leases[in.Lease]
	place.Remote = move.From.Remote
	next := t.change(in, func(next *Instance) {
		next.Moved = next.Moved || place.Location != move.From.Location
		next.Place, next.Moving = place, leftBehind(move.To, place, move.Since)
	})
	delete(t.missing, name)
	t.event(Event{Type: InstanceMoved, Lease: l.ID, Instance: name, Holder: l.Holder, Message: "could not be moved and is at " + place.where()})
	return Grant{Lease: l, Instance: next}, nil
}

// settled takes in that a worker has ended what was left of a move.
func (t *turn) settled(in *Instance, place Place) {
	move := in.Moving
	if move.Arrived {
		t.change(in, func(next *Instance) { next.Moving = nil })
		return
	}
	_, _ = t.settle(in.Name, move, place, nil)
}

// settleFailed handles a worker that could not end a move. The lease stays unless
// there is nothing left that it could be about.
func (t *turn) settleFailed(in *Instance, err error) {
	if errors.Is(err, ErrGone) && in.unsettled() {
		t.endLease(t.x.Leases[in.Lease], Ending{By: System, Cause: Vanished, Reason: "it was being moved, and is at neither place: " + err.Error()})
		return
	}
	t.retryLater(in.Name)
}

// visit has the listings cover a remote from now on, also after a restart.
func (t *turn) visit(remote RemoteName) {
	if remote == "" {
		return // its listings are never missing
	}
	if !slices.Contains(t.x.Record.Remotes, remote) {
		rec := t.rec()
		rec.Remotes = append(slices.Clone(rec.Remotes), remote)
	}
	t.then(func(commit error) {
		if commit == nil {
			t.env.visit(remote)
		}
	})
}

// where names a place for people.
func (p Place) where() string {
	switch {
	case p.Remote == "" && p.Location == "":
		return "the LXD of its pool"
	case p.Remote == "":
		return "member " + p.Location
	case p.Location == "":
		return "remote " + string(p.Remote)
	}
	return "remote " + string(p.Remote) + ", member " + p.Location
}

func movingNow(l *Lease) error {
	return Errorf(ErrInUse, "try again when it is over", "cannot use lease %s: its instance is being moved", l.ID)
}

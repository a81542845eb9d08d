package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// CreatePool makes a pool. It vets spec with the backend first; on error
// nothing was made.
func (m *Manager) CreatePool(ctx context.Context, name PoolName, spec Spec) (*PoolStatus, error) {
	full := spec.WithDefaults()
	return m.create(ctx, name, spec, "", func() (Origin, error) {
		return m.env.backend.Vet(ctx, Order{Manager: m.env.manager, Pool: name, Spec: &full})
	})
}

// create makes a pool for a keeper. vet says what its image is.
func (m *Manager) create(ctx context.Context, name PoolName, spec Spec, keeper Keeper, vet func() (Origin, error)) (*PoolStatus, error) {
	if err := name.Validate(); err != nil {
		return nil, err
	}
	full := spec.WithDefaults()
	if err := full.Validate(); err != nil {
		return nil, err
	}
	if err := m.reserve(name); err != nil {
		return nil, err
	}
	defer m.unreserve(name)
	origin, err := vet()
	if err != nil {
		return nil, err
	}
	w := newWriter(name, m.env)
	rec := newRecord(spec, origin)
	rec.Keeper = keeper
	if err := w.open(ctx, rec); err != nil {
		return nil, errors.Join(err, m.env.store.Remove(context.WithoutCancel(ctx), name))
	}
	if err := m.enter(w); err != nil {
		return nil, errors.Join(err, w.journal.Close())
	}
	return read(ctx, w, func(t *turn) (*PoolStatus, error) {
		t.event(Event{Type: PoolCreated, Message: "is made from " + spec.Image})
		return t.status(), nil
	})
}

// reserve keeps a name for a pool that is being made.
func (m *Manager) reserve(name PoolName) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return errClosing()
	case m.writers[name] != nil || m.making[name]:
		return Errorf(ErrPoolExists, "choose another name, or change it with \"lxd-pool set\"",
			"cannot create pool %s: there is one of that name", name)
	}
	m.making[name] = true
	return nil
}

func (m *Manager) unreserve(name PoolName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.making, name)
}

// enter makes a new pool known and begins its work.
func (m *Manager) enter(w *writer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosing()
	}
	m.writers[w.name] = w
	m.begin(w)
	return nil
}

// EditPool changes the spec of a pool. edit gets a copy of the current one, as
// its owner wrote it (without defaults), and may be called again when another
// edit came between. On error nothing has changed.
func (m *Manager) EditPool(ctx context.Context, name PoolName, edit func(*Spec) error) (*PoolStatus, error) {
	for {
		before, err := m.Pool(ctx, name)
		if err != nil {
			return nil, err
		}
		spec := before.Spec
		if err := edit(&spec); err != nil {
			return nil, err
		}
		if err := before.Keeper.refuseEdit(name, &before.Spec, &spec); err != nil {
			return nil, err
		}
		after, done, err := m.respec(ctx, name, before.Spec, spec)
		if err != nil || done {
			return after, err
		}
	}
}

// respec vets a changed spec and puts it in place if from is still the current one.
func (m *Manager) respec(ctx context.Context, name PoolName, from, to Spec) (*PoolStatus, bool, error) {
	w, err := m.writer(name)
	if err != nil {
		return nil, false, err
	}
	full, old := to.WithDefaults(), from.WithDefaults()
	if err := full.Validate(); err != nil {
		return nil, false, err
	}
	var origin Origin
	if needsVetting(&old, &full) {
		origin, err = m.env.backend.Vet(ctx, Order{Manager: m.env.manager, Pool: name, Spec: &full})
		if err != nil {
			return nil, false, err
		}
	}
	done := false
	status, err := change(ctx, w, func(t *turn) (_ *PoolStatus, err error) {
		done, err = t.respec(from, to, origin)
		return t.status(), err
	})
	return status, done, err
}

func sameMaking(a, b *Spec) bool {
	x, y := a.WithDefaults(), b.WithDefaults()
	return x.Making() == y.Making()
}

// needsVetting reports whether a change is one that LXD has a say in.
func needsVetting(from, to *Spec) bool {
	return from.Making() != to.Making() || from.Probe != to.Probe
}

func sameSpec(a, b *Spec) bool { return reflect.DeepEqual(a, b) }

// Pools returns the status of every pool, by name.
func (m *Manager) Pools(ctx context.Context) ([]*PoolStatus, error) {
	list := []*PoolStatus{}
	for _, w := range m.all() {
		s, err := read(ctx, w, func(t *turn) (*PoolStatus, error) { return t.status(), nil })
		if errors.Is(err, ErrNoPool) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Pool returns the status of one pool. Its spec is as the owner wrote it.
func (m *Manager) Pool(ctx context.Context, name PoolName) (*PoolStatus, error) {
	w, err := m.writer(name)
	if err != nil {
		return nil, err
	}
	return read(ctx, w, func(t *turn) (*PoolStatus, error) { return t.status(), nil })
}

// DisablePool refuses new leases, also to those that wait. What is ready is kept.
func (m *Manager) DisablePool(ctx context.Context, name PoolName) error {
	return m.alter(ctx, name, func(t *turn) error { return t.disable(true) })
}

// EnablePool allows leases again.
func (m *Manager) EnablePool(ctx context.Context, name PoolName) error {
	return m.alter(ctx, name, func(t *turn) error { return t.disable(false) })
}

// ResetPool replaces every instance that is nobody's now, and the leased ones
// when their leases end.
func (m *Manager) ResetPool(ctx context.Context, name PoolName) error {
	return m.alter(ctx, name, (*turn).resetIdle)
}

// RefillPool has the pool try again at once whatever has failed and would be
// tried later: what failed before is forgotten, and LXD is listed and asked for
// the image again. For a pool that lacks nothing it is no error.
func (m *Manager) RefillPool(ctx context.Context, name PoolName) error {
	return m.alter(ctx, name, (*turn).refill)
}

// DeletePool deletes the pool, its instances and its templates, and returns
// when they are gone. With leases it is refused with [ErrLeased] unless force,
// which revokes them for by. When ctx ends first the deletion goes on.
func (m *Manager) DeletePool(ctx context.Context, name PoolName, force bool, by Identity) error {
	w, err := m.writer(name)
	if err != nil {
		return err
	}
	err = m.alter(ctx, name, func(t *turn) error {
		if err := t.x.Record.Keeper.refuseDelete(name); err != nil && !t.x.Record.Unkept {
			return err
		}
		return t.condemn(force, by)
	})
	if err != nil {
		return err
	}
	if err := w.awaitGone(ctx); err != nil {
		return err
	}
	if !w.gone {
		return errClosing()
	}
	return nil
}

// awaitGone waits until a condemned pool is gone or the manager closes, and
// tells how many of its instances are.
func (w *writer) awaitGone(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	most := 0
	for {
		select {
		case <-w.left:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if ProgressOf(ctx) == nil {
			continue
		}
		if n, err := read(ctx, w, func(t *turn) (int, error) { return t.x.have().total(), nil }); err == nil && n > 0 {
			most = max(most, n)
			Report(ctx, Progress{Stage: fmt.Sprintf("deleting instances, %d left", n), Percent: 100 * (most - n) / most})
		}
	}
}

// alter changes something about a pool.
func (m *Manager) alter(ctx context.Context, name PoolName, f func(*turn) error) error {
	w, err := m.writer(name)
	if err != nil {
		return err
	}
	_, err = change(ctx, w, func(t *turn) (struct{}, error) { return struct{}{}, f(t) })
	return err
}

// status returns what "show" tells.
func (t *turn) status() *PoolStatus {
	rec := t.x.Record
	s := &PoolStatus{
		Name: t.name, Spec: rec.Spec, Created: rec.Created, Disabled: rec.Disabled, Doomed: rec.Doomed,
		Keeper: rec.Keeper, Unkept: rec.Unkept,
		Counts: t.counts(), Problems: t.problems(),
	}
	return s
}

func (t *turn) counts() Counts {
	h, count := t.x.have(), &t.x.count
	return Counts{
		Creating: count[Creating], Spare: count[Spare], Starting: count[Starting], Ready: count[Ready],
		Leased: count[Leased], Resetting: count[Resetting], Deleting: count[Deleting],
		Waiting: t.queue.demand, Outdated: h.oldReady + h.oldSpare, Held: t.x.held,
	}
}

// respec gives the pool another spec, if its current one is still the one that
// the change was made from.
func (t *turn) respec(from, to Spec, origin Origin) (bool, error) {
	if err := t.alive(); err != nil {
		return false, err
	}
	if !sameSpec(&t.x.Record.Spec, &from) {
		return false, nil
	}
	rec := t.rec()
	rec.Spec = to
	if origin != "" || !sameMaking(&from, &to) {
		rec.Origin = origin // "": it is looked up when one is made
	}
	t.x.respec()
	t.breaker.succeed() // the new spec has not failed yet
	clear(t.x.aged)
	for _, in := range t.x.Instances {
		t.agenda.clear(alarm{alarmAge, string(in.Name)})
		t.watchAge(t.now, in)
	}
	t.event(Event{Type: PoolChanged, Message: "has a new spec"})
	return true, nil
}

// alive refuses changes to a pool that is being deleted.
func (t *turn) alive() error {
	if t.x.Record.Doomed {
		return doomed(t.name)
	}
	return nil
}

func (t *turn) disable(yes bool) error {
	if err := t.alive(); err != nil {
		return err
	}
	if t.x.Record.Disabled != yes {
		t.rec().Disabled = yes
		message := "gives leases again"
		if yes {
			message = "gives no leases"
		}
		t.event(Event{Type: PoolChanged, Message: message})
	}
	return nil
}

// resetIdle replaces everything that is nobody's, and later what is leased now.
func (t *turn) resetIdle() error {
	if err := t.alive(); err != nil {
		return err
	}
	t.rec().Epoch++
	for _, in := range slices.Collect(maps.Values(t.x.Instances)) {
		if in.State != Leased {
			t.doom(in, ReasonPoolReset, "")
		}
	}
	t.breaker.succeed()
	t.event(Event{Type: PoolChanged, Message: "was reset"})
	return nil
}

// refill forgets failures, and the times until they would be tried again. What
// is due now is done in this very turn.
func (t *turn) refill() error {
	if err := t.alive(); err != nil {
		return err
	}
	failed := t.breaker.failures > 0 || len(t.tries) > 0 || t.away != nil || t.origin != nil
	t.breaker.succeed()
	t.agenda.clear(alarm{kind: alarmPlan})
	for name := range t.tries {
		if again := (alarm{alarmRetry, string(name)}); !t.agenda.when(again).IsZero() {
			t.agenda.set(again, t.now)
		}
	}
	clear(t.tries)
	t.agenda.set(alarm{kind: alarmResolve}, t.now)
	t.env.look()
	if failed {
		t.event(Event{Type: PoolChanged, Message: "is to try again at once what failed"})
	}
	return nil
}

// condemn begins the end of the pool.
func (t *turn) condemn(force bool, by Identity) error {
	leased := t.x.count[Leased]
	if leased > 0 && !force {
		return Errorf(ErrLeased, "wait until they are released, or use --force to revoke them",
			"cannot delete pool %s: %s leased", t.name, count(leased, "of its instances is", "of its instances are"))
	}
	t.rec().Doomed = true
	for id := range maps.Clone(t.x.running) {
		t.endLease(t.x.Leases[id], Ending{By: by, Cause: Revoked, Reason: "the pool was deleted"})
	}
	for _, in := range slices.Collect(maps.Values(t.x.Instances)) {
		t.doom(in, ReasonPoolDeleted, "")
		t.endHold(in.Name)
	}
	return nil
}

// bury deletes what is left of a doomed pool once it has no instances:
// templates, whatever else carries its tag, and the journal.
func (t *turn) bury() {
	if len(t.x.Instances) > 0 || t.burying {
		return
	}
	if t.burial != nil && t.now.Before(t.burial.retry) {
		t.agenda.set(alarm{kind: alarmPlan}, t.burial.retry)
		return
	}
	t.burying = true
	ctx, remotes := t.work, t.x.Record.Remotes
	t.workers.Go(func() {
		err := t.env.bury(ctx, t.name, remotes)
		t.tell(ctx, func(t *turn) {
			t.burying = false
			if err != nil {
				t.log.Warn("cannot delete what is left of the pool", "error", err)
				t.suffer(&t.burial, err)
				return
			}
			t.event(Event{Type: PoolDeleted, Message: "is deleted"})
			t.then(func(commit error) { t.gone = commit == nil })
		})
	})
}

// bury deletes everything in LXD, and on the remotes that were used, that carries the tag of a pool.
func (e *env) bury(ctx context.Context, name PoolName, remotes []RemoteName) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTimeout)
	defer cancel()
	for _, remote := range append([]RemoteName{""}, remotes...) {
		if err := e.buryOn(ctx, name, remote); err != nil {
			return onRemote(remote, err)
		}
	}
	return nil
}

// onRemote says of an error where it was, and how to give up what is there.
func onRemote(remote RemoteName, err error) error {
	if remote == "" {
		return err
	}
	next := fmt.Sprintf(`bring remote %s back, or give up what may be there with "lxd-pool remote remove %s"`, remote, remote)
	return Errorf(KindOf(Code(err)), next, "on remote %s: %w", remote, err)
}

// buryOn is bury for one LXD. A remote that was forgotten is not in the way:
// nothing that the books know of was left there.
func (e *env) buryOn(ctx context.Context, name PoolName, remote RemoteName) error {
	backend, err := e.at(remote)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := backend.List(ctx, e.manager)
	if err != nil {
		return err
	}
	for _, seen := range all {
		if seen.Pool == name {
			seen.Place.Remote = remote
			if err := e.remove(ctx, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove deletes something listed that is in nobody's books.
func (e *env) remove(ctx context.Context, seen Seen) error {
	spec := Spec{Project: seen.Place.Project}.WithDefaults()
	return e.deleteOn(ctx, Order{Manager: e.manager, Pool: seen.Pool, Instance: seen.Name, Spec: &spec}, seen.Place.Remote)
}

func doomed(name PoolName) error {
	return Errorf(ErrDoomed, "wait until it is gone", "cannot use pool %s: it is being deleted", name)
}

func noPool(name PoolName) error {
	return Errorf(ErrNoPool, `see "lxd-pool list"`, "cannot find pool %q", string(name))
}

// newRecord is that of a pool that is made now.
func newRecord(spec Spec, origin Origin) *Record {
	now := time.Now().Round(0)
	return &Record{Spec: spec, Created: now, Alive: now, Origin: origin, Birth: randomText(4)}
}

package backendtest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// running leads one instance through its life, twice.
func (r *room) running(t *testing.T) {
	o := r.order(1)
	b := r.Backend
	r.create(t, o)
	t.Run("AStoppedOneIsNeitherReadyNorWoken", func(t *testing.T) {
		expect(t, "check", b.Check(bounded(t), o), pool.ErrFailed)
		if err := b.Wake(bounded(t), o); err == nil && r.status(t, o) != pool.Running {
			t.Error("it was woken, and does not run")
		}
	})
	place := r.start(t, o)
	t.Run("AStartedOneRuns", func(t *testing.T) {
		r.is(t, o, pool.Running)
		must(t, b.Check(bounded(t), o))
		if place.Project != o.Spec.Project {
			t.Errorf("it is in project %q", place.Project)
		}
	})
	t.Run("StartingAndWakingItAgainChangesNothing", func(t *testing.T) {
		if again := r.start(t, o); !reflect.DeepEqual(again, place) {
			t.Errorf("it was at %+v and is at %+v", place, again)
		}
		must(t, b.Wake(bounded(t), o))
		r.is(t, o, pool.Running)
	})
	r.guest(t, "ItsNameIsItsHostname", func(t *testing.T) {
		if status, name := r.run(t, o, "", "hostname"); status != 0 || name != string(o.Instance) {
			t.Errorf("status %d, hostname %q", status, name)
		}
	})
	r.guest(t, "AHolderLeavesTraces", func(t *testing.T) { r.soil(t, o) })
	t.Run("AfterAResetItIsStopped", func(t *testing.T) {
		for range 2 { // once more: nothing is left to do
			must(t, b.Reset(bounded(t), o))
			r.is(t, o, pool.Stopped)
		}
	})
	r.start(t, o)
	r.guest(t, "TheNextHolderFindsNoTrace", func(t *testing.T) { r.clean(t, o) })
}

func (r *room) frozen(t *testing.T) {
	o := r.order(1, func(s *pool.Spec) { s.Standby = pool.StandbyFrozen })
	b := r.Backend
	r.create(t, o)
	r.start(t, o)
	t.Run("AStartedOneIsFrozenAndReady", func(t *testing.T) {
		r.is(t, o, pool.Frozen)
		must(t, b.Check(bounded(t), o))
		r.is(t, o, pool.Frozen)
	})
	t.Run("StartingItAgainLeavesItFrozen", func(t *testing.T) {
		r.start(t, o)
		r.is(t, o, pool.Frozen)
	})
	t.Run("AWokenOneRunsAndIsNoLongerAtItsStandby", func(t *testing.T) {
		for range 2 {
			must(t, b.Wake(bounded(t), o))
			r.is(t, o, pool.Running)
		}
		expect(t, "check", b.Check(bounded(t), o), pool.ErrFailed)
	})
	r.guest(t, "CommandsRunInAWokenOne", func(t *testing.T) {
		if status, _ := r.run(t, o, "", "true"); status != 0 {
			t.Errorf("status %d", status)
		}
	})
	t.Run("AResetWorksFromFrozenToo", func(t *testing.T) {
		r.start(t, o)
		r.is(t, o, pool.Frozen)
		must(t, b.Reset(bounded(t), o))
		r.is(t, o, pool.Stopped)
	})
}

func (r *room) unusable(t *testing.T) {
	o := r.order(1, func(s *pool.Spec) { s.Probe, s.ReadyTimeout = "false", pool.Duration(3*time.Second) })
	r.create(t, o)
	t.Run("AStartFailsWhenItsProbeNeverSucceeds", func(t *testing.T) {
		_, err := r.Backend.Start(bounded(t), o)
		expect(t, "start", err, pool.ErrFailed)
	})
	t.Run("ACheckFailsWithItsProbe", func(t *testing.T) {
		expect(t, "check", r.Backend.Check(bounded(t), o), pool.ErrFailed)
	})
	t.Run("AResetIsRefusedWhereNothingWasKept", func(t *testing.T) {
		o := r.order(2, func(s *pool.Spec) { s.Recycle = pool.Replace })
		r.create(t, o)
		if err := r.Backend.Reset(bounded(t), o); err == nil {
			t.Error("an instance of a pool with recycle=replace was reset")
		}
	})
}

func (r *room) deleted(t *testing.T) {
	o, spare := r.order(1), r.order(2)
	b := r.Backend
	r.create(t, o)
	r.create(t, spare)
	r.start(t, o)
	t.Run("ADeletedOneIsGoneWhateverItWasDoing", func(t *testing.T) {
		for _, o := range []pool.Order{o, spare, o} { // the second time there is none
			must(t, b.Delete(bounded(t), o))
			r.is(t, o, "")
		}
	})
	t.Run("EveryVerbSaysThatItIsGone", func(t *testing.T) {
		_, start := b.Start(bounded(t), o)
		expect(t, "start", start, pool.ErrGone)
		expect(t, "wake", b.Wake(bounded(t), o), pool.ErrGone)
		expect(t, "check", b.Check(bounded(t), o), pool.ErrGone)
		expect(t, "reset", b.Reset(bounded(t), o), pool.ErrGone)
		if guest, ok := b.(pool.Guest); ok {
			_, exec := guest.Exec(bounded(t), o, pool.Command{Args: []string{"true"}})
			expect(t, "exec", exec, pool.ErrGone)
		}
		r.is(t, o, "")
	})
}

func (r *room) others(t *testing.T) {
	o := r.order(1)
	r.create(t, o)
	stranger := pool.NewManagerID()
	t.Run("AnotherManagerDoesNotSeeIt", func(t *testing.T) {
		if list := r.list(t, stranger); len(list) != 0 {
			t.Errorf("it sees %+v", list)
		}
	})
	t.Run("AnotherManagerCannotDeleteIt", func(t *testing.T) {
		for _, manager := range []pool.ManagerID{stranger, ""} {
			theirs := o
			theirs.Manager = manager
			if err := r.Backend.Delete(bounded(t), theirs); err == nil {
				t.Errorf("manager %q could", manager)
			}
			r.is(t, o, pool.Stopped)
		}
	})
	t.Run("AListingIsEnoughToDeleteIt", func(t *testing.T) {
		bare := pool.Order{Manager: o.Manager, Instance: o.Instance, Spec: &pool.Spec{Project: o.Spec.Project}}
		must(t, r.Backend.Delete(bounded(t), bare))
		r.is(t, o, "")
	})
}

// leaving has callers who do not wait for the end.
func (r *room) leaving(t *testing.T) {
	o := r.order(1)
	b := r.Backend
	r.create(t, o)
	t.Run("ACallerWhoLeftBeforeGetsThatError", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, vet := b.Vet(ctx, o)
		_, resolve := b.Resolve(ctx, o)
		_, create := b.Create(ctx, r.order(2))
		_, start := b.Start(ctx, o)
		_, list := b.List(ctx, o.Manager)
		for what, err := range map[string]error{
			"vet": vet, "resolve": resolve, "create": create, "start": start, "list": list,
			"wake": b.Wake(ctx, o), "check": b.Check(ctx, o), "reset": b.Reset(ctx, o), "delete": b.Delete(ctx, o),
		} {
			expect(t, what, err, context.Canceled)
		}
	})
	t.Run("WhatOneLeftUnsettledTheNextCallSettles", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		if _, err := b.Start(ctx, o); err != nil {
			expect(t, "start", err, context.DeadlineExceeded)
		}
		r.start(t, o)
		r.is(t, o, pool.Running)
		ctx, cancel = context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		if err := b.Delete(ctx, o); err != nil {
			expect(t, "delete", err, context.DeadlineExceeded)
		}
		must(t, b.Delete(bounded(t), o))
		r.is(t, o, "")
	})
}

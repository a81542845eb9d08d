package lxdbackend_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

// verbs are all that can be asked of a backend.
func verbs(ctx context.Context, r *room, o pool.Order) map[string]error {
	errs := map[string]error{}
	_, errs["Vet"] = r.b.Vet(ctx, o)
	_, errs["Resolve"] = r.b.Resolve(ctx, o)
	_, errs["Create"] = r.b.Create(ctx, o)
	_, errs["Start"] = r.b.Start(ctx, o)
	errs["Wake"] = r.b.Wake(ctx, o)
	errs["Check"] = r.b.Check(ctx, o)
	errs["Reset"] = r.b.Reset(ctx, o)
	errs["Delete"] = r.b.Delete(ctx, o)
	_, errs["List"] = r.b.List(ctx, o.Manager)
	_, errs["Exec"] = r.b.Exec(ctx, o, pool.Command{Args: []string{"true"}, User: "nobody"})
	return errs
}

func TestEveryVerbSaysThatLXDIsAwayAndWorksOnceItIsBack(t *testing.T) {
	t.Parallel()
	r := alone(t)
	b, wire := broken(t)
	o := r.order(busybox, "recycle=reset")
	far := *r
	far.b = b
	for verb, err := range verbs(t.Context(), &far, o) {
		if !errors.Is(err, pool.ErrUnavailable) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	wire.up()
	far.create(o)
	far.start(o)
	wire.cut() // as when LXD is restarted: kept connections are stale
	far.run(o, "true")
	wire.down()
	if err := b.Check(t.Context(), o); !errors.Is(err, pool.ErrUnavailable) {
		t.Errorf("an instance is blamed for LXD being away: %v", err)
	}
	wire.up()
	far.must(b.Check(t.Context(), o))
}

func TestALostAnswerLeavesTheOutcomeToTheNextCall(t *testing.T) {
	t.Parallel()
	r := alone(t)
	b, wire := broken(t)
	wire.up()
	far := *r
	far.b = b
	o := r.order(busybox, "recycle=reset")
	o.Origin = far.create(o)
	o = r.another(o)
	lost := func(verb string, do func() error) {
		t.Helper()
		wire.lose(true)
		if err := do(); !errors.Is(err, pool.ErrUnavailable) {
			t.Fatalf("%s: %v", verb, err)
		}
		wire.lose(false)
		if err := do(); err != nil {
			t.Fatalf("%s, again: %v", verb, err)
		}
	}
	lost("Create", func() error { _, err := b.Create(t.Context(), o); return err })
	lost("Start", func() error { _, err := b.Start(t.Context(), o); return err })
	lost("Wake", func() error { return b.Wake(t.Context(), o) })
	lost("Reset", func() error { return b.Reset(t.Context(), o) })
	lost("Delete", func() error { return b.Delete(t.Context(), o) })
}

func TestEveryVerbEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := alone(t)
	o := r.order(busybox, "recycle=reset")
	r.create(o)
	r.start(o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for verb, err := range verbs(ctx, r, o) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	r.is(o, pool.Running)
}

func TestNothingIsLeftRunningBehindACall(t *testing.T) {
	r := alone(t)
	b, wire := broken(t)
	wire.up()
	far := *r
	far.b = b
	o := far.order(busybox, "recycle=reset")
	round := func() {
		far.create(o)
		far.start(o)
		far.run(o, "true")
		ctx, cancel := context.WithCancel(t.Context())
		shown := newScreen()
		go func() { shown.await(t, "on"); cancel() }()
		b.Exec(ctx, o, pool.Command{Args: []string{"sh", "-c", "echo on; sleep 3000"}, Stdout: shown})
		far.must(b.Reset(t.Context(), o))
		b.Close()
		wire.cut()
	}
	round()
	before := runtime.NumGoroutine()
	for range 3 {
		round()
	}
	settled, cancel := context.WithTimeout(t.Context(), 20e9)
	defer cancel()
	for runtime.NumGoroutine() > before {
		if settled.Err() != nil {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines became %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

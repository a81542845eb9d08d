package simbackend_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func order(name pool.InstanceName) pool.Order {
	spec := pool.Spec{Image: "busybox", Recycle: pool.ResetToSnapshot}.WithDefaults()
	return pool.Order{Manager: "m", Pool: "ci", Instance: name, Spec: &spec}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, b *simbackend.Backend, name pool.InstanceName) pool.Order {
	t.Helper()
	_, err := b.Create(t.Context(), order(name))
	must(t, err)
	return order(name)
}

func start(t *testing.T, b *simbackend.Backend, name pool.InstanceName) pool.Order {
	t.Helper()
	o := create(t, b, name)
	_, err := b.Start(t.Context(), o)
	must(t, err)
	return o
}

func run(t *testing.T, b *simbackend.Backend, o pool.Order, stdin string, args ...string) (int, string) {
	t.Helper()
	var out strings.Builder
	status, err := b.Exec(t.Context(), o, pool.Command{Args: args, Stdin: strings.NewReader(stdin), Stdout: &out})
	must(t, err)
	return status, out.String()
}

func names(b *simbackend.Backend) string {
	var names []string
	for _, in := range b.Instances() {
		if in.Template == "" {
			names = append(names, string(in.Name)+":"+string(in.Status))
		}
	}
	return strings.Join(names, " ")
}

func TestAVerbTakesAsLongAsItsLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{Latency: map[simbackend.Verb]simbackend.Latency{
			simbackend.Start: {Min: 3 * time.Second, Max: 3 * time.Second},
		}})
		o := create(t, b, "ci-1")
		begin := time.Now()
		_, err := b.Start(t.Context(), o)
		must(t, err)
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWhatACallBeganGoesOnWhenItsCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		o := create(t, b, "ci-1")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := b.Start(ctx, o)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("start returned %v", err)
		}
		if got := names(b); got != "ci-1:stopped" {
			t.Errorf("too early: %s", got)
		}
		time.Sleep(time.Second)
		if got := names(b); got != "ci-1:running" {
			t.Errorf("it did not go on: %s", got)
		}
		if b.Overlaps() != 0 {
			t.Error(b.Violations())
		}
	})
}

func TestTwoCallersAtOneInstanceAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		o := create(t, b, "ci-1")
		go b.Start(t.Context(), o)
		synctest.Wait()
		must(t, b.Delete(t.Context(), o))
		if b.Overlaps() != 1 || len(b.Violations()) != 1 {
			t.Errorf("%d overlaps, %q", b.Overlaps(), b.Violations())
		}
		if got := names(b); got != "" {
			t.Errorf("left behind: %s", got)
		}
	})
}

func TestTheFirstInstancesOfAPoolShareOneTemplate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		for _, name := range []pool.InstanceName{"ci-1", "ci-2", "ci-3"} {
			go b.Create(t.Context(), order(name))
		}
		synctest.Wait()
		seen, err := b.List(t.Context(), "m")
		must(t, err)
		if len(seen) != 1 || seen[0].Template != pool.Building || seen[0].Pool != "ci" {
			t.Errorf("while it is built: %+v", seen)
		}
		time.Sleep(5 * time.Second)
		seen, err = b.List(t.Context(), "m")
		must(t, err)
		if len(seen) != 4 || seen[3].Template != "simbusya" {
			t.Errorf("afterwards: %+v", seen)
		}
	})
}

func TestWhatWasNeverFinishedIsWedgedByAStart(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	b.SetFault(simbackend.Create, simbackend.Fault{Half: 1})
	_, err := b.Create(t.Context(), order("ci-1"))
	if !errors.Is(err, pool.ErrUnavailable) || names(b) != "ci-1:stopped" {
		t.Fatalf("%v; %s", err, names(b))
	}
	if _, err := b.Start(t.Context(), order("ci-1")); err == nil || len(b.Violations()) != 1 {
		t.Errorf("start: %v, %q", err, b.Violations())
	}
	if err := b.Delete(t.Context(), order("ci-1")); err == nil {
		t.Error("it could be deleted")
	}
}

func TestALostReplyHidesWhatHappened(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	o := create(t, b, "ci-1")
	b.SetFault(simbackend.Delete, simbackend.Fault{Lose: 1})
	if err := b.Delete(t.Context(), o); !errors.Is(err, pool.ErrUnavailable) || names(b) != "" {
		t.Errorf("%v; %s", err, names(b))
	}
}

func TestAFailureSaysItsCauseAndChangesNothing(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	b.SetFault(simbackend.Create, simbackend.Fault{Fail: 1, Text: "no such storage pool"})
	_, err := b.Create(t.Context(), order("ci-1"))
	if !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), "no such storage pool") || names(b) != "" {
		t.Errorf("%v; %s", err, names(b))
	}
}

func TestNothingMoreFitsAboveTheCapacity(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant, Capacity: 2})
	create(t, b, "ci-1")
	o := create(t, b, "ci-2")
	if _, err := b.Create(t.Context(), order("ci-3")); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("a third one: %v", err)
	}
	must(t, b.Delete(t.Context(), o))
	create(t, b, "ci-4")
	if b.Peak("ci") != 2 {
		t.Errorf("peak %d", b.Peak("ci"))
	}
}

func TestAwayFailsEverythingAndBreaksWhatWasUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		o := create(t, b, "ci-1")
		under := make(chan error, 1)
		go func() { _, err := b.Start(t.Context(), o); under <- err }()
		synctest.Wait()
		b.SetAway(true)
		_, vet := b.Vet(t.Context(), o)
		_, list := b.List(t.Context(), "m")
		for _, err := range []error{vet, list, b.Check(t.Context(), o), b.Delete(t.Context(), o)} {
			if !errors.Is(err, pool.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		b.SetAway(false)
		if err := <-under; !errors.Is(err, pool.ErrUnavailable) || names(b) != "ci-1:stopped" {
			t.Errorf("start: %v; %s", err, names(b))
		}
		_, err := b.Start(t.Context(), o)
		must(t, err)
	})
}

func TestAProbeThatFailsTakesTheWholeTimeAndLeavesTheInstanceRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
		o := create(t, b, "ci-1")
		for _, probe := range []string{"false", "exit 3"} {
			o.Spec.Probe = probe
			begin := time.Now()
			_, err := b.Start(t.Context(), o)
			if !errors.Is(err, pool.ErrFailed) || time.Since(begin) != 2*time.Minute || names(b) != "ci-1:running" {
				t.Errorf("%s: %v after %s; %s", probe, err, time.Since(begin), names(b))
			}
			if err := b.Check(t.Context(), o); !errors.Is(err, pool.ErrFailed) {
				t.Errorf("%s: the check gave %v", probe, err)
			}
		}
		o.Spec.Probe = "exit 0"
		_, err := b.Start(t.Context(), o)
		must(t, err)
	})
}

func TestMakingWhatIsInUseIsNoticed(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	start(t, b, "ci-1")
	create(t, b, "ci-1")
	if names(b) != "ci-1:stopped" || len(b.Violations()) != 1 {
		t.Errorf("%s, %q", names(b), b.Violations())
	}
}

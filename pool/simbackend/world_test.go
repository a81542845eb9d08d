package simbackend_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestTheSameSeedGivesTheSameWorld(t *testing.T) {
	story := func(seed uint64) (told string) {
		synctest.Test(t, func(t *testing.T) {
			b := simbackend.New(simbackend.Options{Seed: seed, Faults: map[simbackend.Verb]simbackend.Fault{
				simbackend.Start: {Fail: .2, Lose: .2}, simbackend.Create: {Half: .2},
			}})
			for i := range 50 {
				o := order(pool.InstanceName(fmt.Sprintf("ci-%d", i)))
				if _, err := b.Create(t.Context(), o); err == nil {
					b.Start(t.Context(), o)
				}
			}
			for _, e := range b.History("") {
				told += e.String() + "\n"
			}
		})
		return told
	}
	first, again, other := story(1), story(1), story(2)
	if first != again {
		t.Error("the same seed told two stories")
	}
	if first == other {
		t.Error("two seeds told the same story")
	}
}

func TestHistoryTellsWhatHappenedToOneInstance(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant, History: 6})
	create(t, b, "ci-1")
	must(t, b.Delete(t.Context(), start(t, b, "ci-2")))
	var told []string
	for _, e := range b.History("ci-2") {
		told = append(told, string(e.Verb)+" "+e.What)
	}
	want := "create began, create done, start began, start done, delete began, delete done"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if old := b.History("ci-1"); len(old) != 0 {
		t.Errorf("it remembers more than its limit: %v", old)
	}
}

func TestWatchersHearOfWhatHappensBehindTheirBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
		start(t, b, "ci-1")
		start(t, b, "ci-2")
		ctx, cancel := context.WithCancel(t.Context())
		var heard []pool.InstanceName
		go b.Watch(ctx, func(h pool.Hint) { heard = append(heard, h.Instance) })
		synctest.Wait()
		b.Stop("ci-1")
		b.Remove("ci-2")
		b.SetAway(true)
		b.Remove("ci-1")
		b.SetAway(false)
		synctest.Wait()
		if !slices.Equal(heard, []pool.InstanceName{"ci-1", "ci-2", ""}) {
			t.Errorf("heard %q", heard)
		}
		cancel()
		synctest.Wait()
		b.AddUntagged("late")
		if len(heard) != 3 {
			t.Errorf("heard more after the end: %q", heard)
		}
	})
}

func TestAWatcherThatCannotKeepUpIsToldThatItLostSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
		ready, heard, lost := make(chan struct{}), 0, 0
		go b.Watch(t.Context(), func(h pool.Hint) {
			<-ready
			heard++
			if h.Instance == "" {
				lost++
			}
		})
		synctest.Wait()
		for n := range 5000 {
			b.AddUntagged(pool.InstanceName(fmt.Sprint("x-", n)))
		}
		close(ready)
		synctest.Wait()
		if lost == 0 || heard > 2002 {
			t.Errorf("heard %d hints, %d of them of a loss", heard, lost)
		}
	})
}

func TestWhatATestDoesBehindTheBackShowsInTheNextCall(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	o := start(t, b, "ci-1")
	must(t, b.Check(t.Context(), o))
	b.Sicken("ci-1")
	if err := b.Check(t.Context(), o); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("sick: %v", err)
	}
	b.Strand("ci-1")
	if err := b.Check(t.Context(), o); !errors.Is(err, pool.ErrUnavailable) {
		t.Errorf("stranded: %v", err)
	}
	b.Stop("ci-1")
	if err := b.Check(t.Context(), o); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("stopped: %v", err)
	}
	if !b.Remove("ci-1") || b.Remove("ci-1") || b.Stop("ci-1") {
		t.Error("it can be removed other than once")
	}
	if err := b.Check(t.Context(), o); !errors.Is(err, pool.ErrGone) {
		t.Errorf("removed: %v", err)
	}
}

func TestUntaggedInstancesAreNeitherListedNorDeleted(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	b.AddUntagged("other")
	b.AddTagged("leak", "m", "ci")
	seen, err := b.List(t.Context(), "m")
	must(t, err)
	if len(seen) != 1 || seen[0].Name != "leak" || seen[0].Pool != "ci" {
		t.Errorf("listed %+v", seen)
	}
	for _, manager := range []pool.ManagerID{"m", ""} {
		o := order("other")
		o.Manager = manager
		if err := b.Delete(t.Context(), o); !errors.Is(err, pool.ErrForbidden) {
			t.Errorf("deleting it for %q: %v", manager, err)
		}
	}
	must(t, b.Delete(t.Context(), order("leak")))
	if names(b) != "other:running" {
		t.Errorf("left: %s", names(b))
	}
}

func TestAnOriginIsUsedAsLongAsItCanBeHad(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	made := func(name pool.InstanceName, wish pool.Origin) pool.Origin {
		o := order(name)
		o.Origin = wish
		got, err := b.Create(t.Context(), o)
		must(t, err)
		return got
	}
	first := made("ci-1", "")
	b.SetImage("busybox", "simbusyb")
	if got, err := b.Resolve(t.Context(), order("")); err != nil || got != "simbusyb" {
		t.Errorf("resolved %q, %v", got, err)
	}
	if got := made("ci-2", first); got != first {
		t.Errorf("its template is there, but it was made from %q", got)
	}
	if got := made("ci-3", "unheard-of"); got != "simbusyb" {
		t.Errorf("made from %q", got)
	}
	b.SetImage("busybox", "")
	for _, image := range []string{"busybox", "nonsense"} {
		o := order("ci-4")
		o.Spec.Image = image
		_, err := b.Vet(t.Context(), o)
		if !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), image) {
			t.Errorf("vetting %s: %v", image, err)
		}
	}
}

func TestWhatDoesNotExistIsRejectedByName(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	for text, edit := range map[string]func(*pool.Spec){
		`profile "gpu"`:  func(s *pool.Spec) { s.Profiles = []string{"default", "gpu"} },
		`project "moon"`: func(s *pool.Spec) { s.Project = "moon" },
	} {
		o := order("ci-1")
		edit(o.Spec)
		for _, err := range []error{second(b.Vet(t.Context(), o)), second(b.Create(t.Context(), o))} {
			if !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func second(_ pool.Origin, err error) error { return err }

func TestAHundredThousandInstancesFit(t *testing.T) {
	b := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
	before := heap()
	const n = 100_000
	for i := range n {
		start(t, b, pool.InstanceName(fmt.Sprintf("ci-abc-%d", i)))
	}
	if each := (heap() - before) / n; each > 2000 {
		t.Errorf("an instance takes %d bytes", each)
	}
	seen, err := b.List(t.Context(), "m")
	must(t, err)
	if len(seen) != n+1 || b.Peak("ci") != n {
		t.Errorf("%d listed, peak %d", len(seen), b.Peak("ci"))
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestACallOnAnInstanceThatIsBusyWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := simbackend.New(simbackend.Options{})
		o := create(t, b, "ci-1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		b.Start(ctx, o) // goes on behind the caller
		must(t, b.Delete(t.Context(), o))
		if names(b) != "" || b.Overlaps() != 0 {
			t.Errorf("left %q, %d overlaps", names(b), b.Overlaps())
		}
	})
}

package pool_test

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// why explains the pool "ci", as one text.
func (w *world) why() (pool.Explanation, string) {
	w.t.Helper()
	list, err := w.m.Why(w.ctx, "ci")
	if err != nil {
		w.t.Fatal(err)
	}
	e := list[0]
	return e, strings.Join(append(append([]string{e.Summary}, e.Facts...), e.Next...), "\n")
}

var slowCreation = map[simbackend.Verb]simbackend.Latency{simbackend.Create: {Min: time.Minute, Max: time.Minute}}

func TestOneThatAsksForMoreThanIsReadyIsToldSo(t *testing.T) {
	inWorld(t, simbackend.Options{Latency: slowCreation}, func(w *world) {
		w.create(pool.Spec{Size: 2, Max: 10})
		time.Sleep(2 * time.Minute)
		_, err := w.tryAcquire(pool.AcquireRequest{Count: 4, Wait: pool.Duration(10 * time.Second)})
		if err == nil || !strings.Contains(err.Error(), "2 are ready, and 4 are asked for at once") {
			t.Errorf("with an empty queue: %v", err)
		}
		go w.tryAcquire(pool.AcquireRequest{Count: 4, Wait: pool.WaitForever})
		synctest.Wait()
		if e, _ := w.why(); !strings.HasPrefix(e.Summary, "1 request waits for 4 instances: 2 are ready, and 4 are asked for at once") {
			t.Errorf("in the queue: %s", e.Summary)
		}
		_, err = w.tryAcquire(pool.AcquireRequest{Wait: pool.Duration(time.Second)})
		if err == nil || !strings.Contains(err.Error(), "2 are ready, but others are in line before") {
			t.Errorf("behind the one in the queue: %v", err)
		}
	})
}

func TestTheNextStepOfAPoolThatCannotBeMadeIsNotToAskAgain(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.lxd.SetFault(simbackend.Start, simbackend.Fault{Fail: 1, Text: "no space left on device"})
		w.create(pool.Spec{Size: 1})
		e, text := w.why()
		if len(e.Next) == 0 || strings.Contains(text, "lxd-pool why") || !strings.Contains(text, "no space left on device") {
			t.Errorf("why says\n%s", text)
		}
	})
}

func TestAPoolThatFillsIsLeftToItself(t *testing.T) {
	inWorld(t, simbackend.Options{Latency: slowCreation}, func(w *world) {
		w.create(pool.Spec{Size: 2})
		if e, _ := w.why(); e.Summary != "0 of 2 ready: 2 being made" || len(e.Next) > 0 {
			t.Errorf("why says %+v", e)
		}
	})
}

func TestANextStepIsToldOnce(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1})
		w.store.OnCommit(func(pool.PoolName, *pool.Batch) memstore.Fault { return memstore.FailBefore })
		_, err := w.tryAcquire(pool.AcquireRequest{Wait: pool.Duration(30 * time.Second)})
		if err == nil || strings.Count(err.Error(), "mend the disk") != 1 {
			t.Errorf("an acquire: %v", err)
		}
		if _, text := w.why(); strings.Count(text, "mend the disk") != 1 {
			t.Errorf("why says\n%s", text)
		}
		w.store.OnCommit(nil)
	})
}

func TestAnErrorWithinAnErrorTellsItsNextStepOnlyWhereThereIsNoOther(t *testing.T) {
	inner := pool.Errorf(pool.ErrFailed, "free space", "cannot write: %w", syscall.ENOSPC)
	outer := pool.Errorf(pool.ErrUnavailable, "wait", "cannot go on: %w", inner)
	if got, want := outer.Error(), "cannot go on: cannot write: no space left on device; wait"; got != want {
		t.Errorf("it says %q, not %q", got, want)
	}
	outer = pool.Errorf(pool.ErrUnavailable, "", "cannot go on: %w", inner)
	if got, want := outer.Error(), "cannot go on: cannot write: no space left on device; free space"; got != want {
		t.Errorf("it says %q, not %q", got, want)
	}
	if fmt.Sprintf("%p", outer.Cause) != fmt.Sprintf("%p", inner) {
		t.Errorf("its cause is %#v", outer.Cause)
	}
}

func TestOneOfAThingIsNotCalledSeveral(t *testing.T) {
	inWorld(t, simbackend.Options{}, func(w *world) {
		w.create(pool.Spec{Size: 1, Max: 1, MaxHolds: 1})
		held := w.acquire(pool.AcquireRequest{})[0]
		go w.tryAcquire(pool.AcquireRequest{Wait: pool.WaitForever})
		w.settle()
		_, text := w.why()
		texts := []string{text}
		list, err := w.m.Why(w.ctx, string(held.Lease.Instance))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, list[0].Facts...)
		if err := w.m.DeletePool(w.ctx, "ci", false, "root"); err != nil {
			texts = append(texts, err.Error())
		}
		for _, text := range texts {
			if wrong := regexp.MustCompile(`(?i)\b1 (\w+ of )?(requests|instances|leases|times|of its instances are|are)\b`).FindString(text); wrong != "" {
				t.Errorf("%q is in\n%s", wrong, text)
			}
		}
	})
}

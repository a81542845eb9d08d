package pool

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	all := room{create: 4, start: 4}
	tests := []struct {
		about string
		want  want
		have  have
		room  room
		steps steps
	}{
		{"an empty pool makes what is missing, within the workers", want{size: 10, max: 20, roll: 1}, have{}, all, steps{create: 4}},
		{"what is on its way counts", want{size: 3, max: 20, roll: 1}, have{creating: 1, starting: 1, resetting: 1}, all, steps{}},
		{"a spare is started before one is made", want{size: 2, spares: 1, max: 20, roll: 1}, have{spare: 1, ready: 1}, all, steps{start: 1, create: 1}},
		{"never more than max", want{size: 3, max: 4, roll: 1}, have{leased: 3}, all, steps{create: 1}},
		{"those going count against max", want{size: 2, max: 3, roll: 1}, have{leased: 1, deleting: 2}, all, steps{}},
		{"demand comes on top of size", want{size: 1, max: 9, demand: 2, roll: 1}, have{ready: 1}, all, steps{create: 2}},
		{"spares serve demand when max leaves no room", want{spares: 2, max: 2, demand: 2, roll: 1}, have{spare: 2}, all, steps{start: 2}},
		{"too many ready ones are retired", want{size: 1, max: 9, roll: 1}, have{ready: 3}, all, steps{retireReady: 2}},
		{"too many spares are retired", want{spares: 1, max: 9, roll: 1}, have{spare: 3}, all, steps{retireSpare: 2}},
		{"an outdated one is replaced only when a new one is there", want{size: 2, max: 9, roll: 1}, have{ready: 2, oldReady: 2}, all, steps{create: 1}},
		{"and then it goes", want{size: 2, max: 9, roll: 1}, have{ready: 3, oldReady: 2}, all, steps{retireReady: 1, create: 1}},
		{"without room an outdated one goes first", want{size: 2, max: 2, roll: 1}, have{ready: 2, oldReady: 2}, all, steps{retireReady: 1}},
		{"not while somebody waits", want{size: 2, max: 2, demand: 1, roll: 1}, have{ready: 2, oldReady: 2}, all, steps{}},
		{"an outdated spare is better than none", want{size: 1, max: 1, roll: 1}, have{spare: 1, oldSpare: 1}, all, steps{start: 1}},
		{"no room to work, no steps", want{size: 5, max: 9, roll: 1}, have{spare: 2}, room{}, steps{}},
	}
	for _, test := range tests {
		if got := plan(test.want, test.have, test.room); got != test.steps {
			t.Errorf("%s: %+v, not %+v", test.about, got, test.steps)
		}
	}
}

// Whatever a pool starts from, carrying out the plan again and again reaches
// what is wanted and then stays there, without ever exceeding max.
func TestThePlanReachesWhatIsWantedAndStaysThere(t *testing.T) {
	for seed := range uint64(20_000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		w := want{size: rnd.IntN(5), spares: rnd.IntN(4), roll: 1 + rnd.IntN(3)}
		leased := rnd.IntN(3)
		w.max = max(1, w.size+w.spares+leased) + rnd.IntN(3)
		h := have{leased: leased}
		for h.total() < w.max && rnd.IntN(8) > 0 {
			switch rnd.IntN(3) {
			case 0:
				h.ready++
				h.oldReady += rnd.IntN(2)
			case 1:
				h.spare++
				h.oldSpare += rnd.IntN(2)
			case 2:
				h.creating++
			}
		}
		began := h
		for range 500 {
			h = carryOut(t, h, plan(w, h, room{4 - min(4, h.creating), 4 - min(4, h.starting)}), rnd)
			if h.total() > w.max {
				t.Fatalf("seed %d: %+v exceeds %+v", seed, h, w)
			}
		}
		if end := (have{ready: w.size, spare: w.spares, leased: leased}); h != end {
			t.Fatalf("seed %d: %+v wanted, from %+v: got %+v", seed, w, began, h)
		}
	}
}

// carryOut does the steps and lets some of the work under way come to its end.
func carryOut(t *testing.T, h have, s steps, rnd *rand.Rand) have {
	h.creating += s.create
	for range s.start {
		if h.spare == h.oldSpare {
			h.oldSpare--
		}
		h.spare--
		h.starting++
	}
	for range s.retireSpare {
		h.spare--
		h.deleting++
		h.oldSpare = max(0, h.oldSpare-1)
	}
	for range s.retireReady {
		h.ready--
		h.deleting++
		h.oldReady = max(0, h.oldReady-1)
	}
	if h.spare < 0 || h.ready < 0 || h.oldSpare < 0 {
		t.Fatalf("the plan %+v asks for what is not there", s)
	}
	if h.creating > 0 && rnd.IntN(2) == 0 {
		h.creating--
		h.spare++
	}
	if h.starting > 0 && rnd.IntN(2) == 0 {
		h.starting--
		h.ready++
	}
	if h.deleting > 0 && rnd.IntN(2) == 0 {
		h.deleting--
	}
	return h
}

func TestOnlyTheEdgesOfTheLifeCanBeTaken(t *testing.T) {
	allowed := 0
	for _, from := range States {
		for _, to := range States {
			if CanMove(from, to) {
				allowed++
			}
		}
	}
	if allowed != 12 {
		t.Errorf("%d edges, not 12", allowed)
	}
	if CanMove(Deleting, Spare) || CanMove(Ready, Spare) || CanMove(Leased, Ready) || CanMove(Creating, Starting) {
		t.Error("an edge that must not be there")
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: time.Minute, 100: time.Minute} {
		if got := backoff(n, time.Second, time.Minute); got != want {
			t.Errorf("after %d failures: %s, not %s", n, got, want)
		}
	}
}

func TestTheBreakerCountsFailuresOfOneRoundOnce(t *testing.T) {
	var b breaker
	now := time.Now()
	for range 8 {
		b.fail(now, now.Add(-time.Second), errors.New("no space"))
	}
	if b.failures != 1 || b.open() {
		t.Fatalf("%d failures", b.failures)
	}
	for range 5 {
		now = now.Add(time.Hour)
		b.fail(now, now, errors.New("no space"))
	}
	if !b.open() || b.room(now, 4, 0) != 0 || b.room(b.retry, 4, 0) != 1 || b.room(b.retry, 4, 1) != 0 {
		t.Fatalf("%+v", b)
	}
	b.succeed()
	if b.open() || b.room(now, 4, 1) != 3 {
		t.Fatalf("%+v", b)
	}
}

func TestAJumpOfTheWallClockIsSeen(t *testing.T) {
	now := time.Now()
	later := now.Add(time.Minute)
	if jump := wallJump(now, later); jump != 0 {
		t.Errorf("without a jump: %s", jump)
	}
	if jump := wallJump(now.Round(0), later.Round(0)); jump != 0 {
		t.Errorf("without a monotonic clock there is nothing to compare: %s", jump)
	}
}

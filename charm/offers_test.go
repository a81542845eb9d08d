package charm

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

func asks(relation, unit, id string, count int) claim {
	return newClaim(relation, unit, lease.Request{ID: id, Pool: "default", Count: count})
}

func withRoom(n int) peer { return peer{Rooms: []room{{"default", n}}} }

func allMet(claimKey) bool { return false }

// offered is how much each unit was offered.
func offered(b book) map[string]int {
	sums := map[string]int{}
	for _, o := range b.Offers {
		sums[o.To] += o.Count
	}
	return sums
}

// answered returns what the units say once they have taken all that they have room for.
func answered(b book, units map[string]peer) map[string]peer {
	next := map[string]peer{}
	for name, p := range units {
		left := p.room("default")
		q := peer{Revoked: p.Revoked}
		for _, o := range b.Offers {
			if o.To != name {
				continue
			}
			before, known := p.part(o.claimKey)
			n := o.Count
			if known && before.Seq == o.Seq {
				n = min(n, before.Count)
			}
			n = min(n, before.Count+left)
			left += before.Count - n
			q.Parts = append(q.Parts, part{claimKey: o.claimKey, Seq: o.Seq, Count: n})
		}
		for _, a := range p.Parts {
			if _, still := q.part(a.claimKey); !still {
				left += a.Count
			}
		}
		q.Rooms = []room{{"default", left}}
		next[name] = q
	}
	return next
}

func TestARequestIsSharedByThoseWhoHaveRoom(t *testing.T) {
	units := map[string]peer{"p/0": withRoom(4), "p/1": withRoom(3)}
	b, refused := book{}.decide([]claim{asks("lease:1", "w/0", "a", 6)}, allMet, nil, units, 0)
	if got := offered(b); !reflect.DeepEqual(got, map[string]int{"p/0": 4, "p/1": 2}) || len(refused) != 0 {
		t.Errorf("offered %v, refused %v", got, refused)
	}
}

func TestWhatNobodyHasRoomForIsRefusedWithTheReason(t *testing.T) {
	units := map[string]peer{"p/0": withRoom(2)}
	b, refused := book{}.decide([]claim{asks("lease:1", "w/0", "a", 3)}, allMet, nil, units, 0)
	if offered(b)["p/0"] != 2 || len(refused) != 1 {
		t.Fatalf("offered %v, refused %v", offered(b), refused)
	}
	if p := refused[0].Problem; p.Code != pool.Code(pool.ErrExhausted) || p.Unit != "w/0" || p.Request != "a" || p.Next == "" {
		t.Errorf("refused with %+v", p)
	}
	c := newClaim("lease:1", "w/0", lease.Request{ID: "a", Pool: "other", Count: 1})
	if _, refused = (book{}).decide([]claim{c}, allMet, nil, units, 0); len(refused) != 1 || refused[0].Code != pool.Code(pool.ErrNoPool) {
		t.Errorf("a pool that there is not: %+v", refused)
	}
	if _, refused = (book{}).decide([]claim{c}, allMet, nil, nil, 0); len(refused) != 1 || refused[0].Code != pool.Code(pool.ErrUnavailable) {
		t.Errorf("without a unit that is ready: %+v", refused)
	}
}

func TestWhatAUnitDidNotTakeIsOfferedToAnotherOnlyOnceItHasSaidSo(t *testing.T) {
	claims := []claim{asks("lease:1", "w/0", "a", 3)}
	units := map[string]peer{"p/0": withRoom(3)}
	b, _ := book{}.decide(claims, allMet, nil, units, 0)
	units["p/1"] = withRoom(9)
	if next, _ := b.decide(claims, allMet, nil, units, 0); !reflect.DeepEqual(next, b) {
		t.Errorf("not answered yet, and offered anew: %+v", next.Offers)
	}
	o := b.Offers[0]
	units["p/0"] = peer{Rooms: []room{{"default", 0}}, Parts: []part{{claimKey: o.claimKey, Seq: o.Seq, Count: 1}}}
	next, _ := b.decide(claims, allMet, nil, units, 0)
	if got := offered(next); got["p/1"] != 2 {
		t.Errorf("offered %v", got)
	}
}

func TestAUnitThatCannotTakeAllIsNotOfferedTheSameAgain(t *testing.T) {
	claims := []claim{asks("lease:1", "w/0", "a", 3)}
	units := map[string]peer{"p/0": withRoom(9)}
	b, _ := book{}.decide(claims, allMet, nil, units, 0)
	o := b.Offers[0]
	failed := &lease.Problem{Code: "failed", Reason: "cannot put the ssh keys"}
	units["p/0"] = peer{Rooms: []room{{"default", 9}}, Parts: []part{{claimKey: o.claimKey, Seq: o.Seq, Trouble: failed}}}
	next, refused := b.decide(claims, allMet, nil, units, 0)
	if !reflect.DeepEqual(next, b) || len(refused) != 1 || refused[0].Code != "failed" {
		t.Errorf("offered %+v, refused %+v", next, refused)
	}
	units["p/0"] = peer{Rooms: []room{{"default", 9}}, Parts: []part{{claimKey: o.claimKey, Seq: o.Seq}}}
	if next, _ = b.decide(claims, allMet, nil, units, 0); offered(next)["p/0"] != 3 || next.Seq == b.Seq {
		t.Errorf("after the trouble: %+v", next)
	}
}

func TestAUnitThatLeavesIsOfferedNothing(t *testing.T) {
	claims := []claim{asks("lease:1", "w/0", "a", 2)}
	units := map[string]peer{"p/0": withRoom(4), "p/1": withRoom(3)}
	b, _ := book{}.decide(claims, allMet, nil, units, 0)
	units["p/0"] = peer{}
	b, _ = b.decide(claims, allMet, nil, units, 0)
	if got := offered(b); !reflect.DeepEqual(got, map[string]int{"p/1": 2}) {
		t.Errorf("offered %v", got)
	}
	delete(units, "p/0")
	units["p/1"] = peer{unheard: true}
	if next, _ := b.decide(claims, allMet, nil, units, 0); !reflect.DeepEqual(offered(next), offered(b)) {
		t.Errorf("a unit that the leader has not met lost %v", offered(next))
	}
}

// A new leader may meet units only later that were served before.
func TestUnitsThatTheLeaderHasNotMetKeepWhatTheyHave(t *testing.T) {
	claims := []claim{asks("lease:1", "w/0", "a", 1), asks("lease:1", "w/1", "a", 2)}
	units := map[string]peer{"p/0": withRoom(4)}
	b, _ := book{}.decide(claims, allMet, nil, units, 0)
	units = answered(b, units)
	next, _ := b.decide(claims[:1], func(k claimKey) bool { return k.Unit == "w/1" }, nil, units, 0)
	if !reflect.DeepEqual(next, b) {
		t.Errorf("offered %+v, before %+v", next.Offers, b.Offers)
	}
	if next, _ = b.decide(claims[:1], allMet, nil, units, 0); offered(next)["p/0"] != 1 {
		t.Errorf("a unit that has gone is still served: %+v", next.Offers)
	}
}

func TestAUnitIsMetInEachRelationByItself(t *testing.T) {
	u := &unit{relations: []string{"lease:3", "lease:4"}, met: map[string][]string{"w/0": {"lease:3"}},
		peers: &peerRelation{askers: map[string]bool{"w/0": true, "w/1": true}}}
	for k, want := range map[claimKey]bool{
		{Relation: "lease:3", Unit: "w/0"}: false, // met
		{Relation: "lease:4", Unit: "w/0"}: true,
		{Relation: "lease:2", Unit: "w/0"}: false, // the relation has gone
		{Relation: "lease:5", Unit: "w/1"}: true,  // one that is to come
		{Relation: "lease:3", Unit: "w/2"}: false, // Juju knows no such unit
	} {
		if got := u.unmet(k); got != want {
			t.Errorf("%+v is unmet: %v", k, got)
		}
	}
}

// Another unit is offered what one cannot take whose daemon is away, and what
// that has stays.
func TestAUnitWithoutItsDaemonTakesNothingMoreAndKeepsWhatItHas(t *testing.T) {
	old, more := asks("lease:1", "w/0", "old", 1), asks("lease:1", "w/0", "more", 2)
	units := map[string]peer{"p/1": withRoom(4)}
	b, _ := book{}.decide([]claim{old}, allMet, nil, units, 0)
	units = answered(b, units)
	b, _ = b.decide([]claim{old, more}, allMet, nil, units, 0)
	down := &peerRelation{id: "peers:0", own: units["p/1"], book: b}
	down.decline("p/1", &ledger{Leases: []entry{{claimKey: old.claimKey}}})
	next, _ := b.decide([]claim{old, more}, allMet, nil, map[string]peer{"p/0": withRoom(3), "p/1": down.own}, 0)
	if got := offered(next); got["p/0"] != 2 {
		t.Errorf("offered %+v", next.Offers)
	}
	if a, ok := down.own.part(old.claimKey); !ok || a.Count != 1 {
		t.Errorf("it keeps %+v", down.own.Parts)
	}
}

func TestARevokedLeaseIsNotOfferedAgain(t *testing.T) {
	c := asks("lease:1", "w/0", "a", 2)
	units := map[string]peer{"p/0": {Rooms: []room{{"default", 4}}, Revoked: []revocation{{c.claimKey, 1, "needed"}}}}
	b, refused := book{}.decide([]claim{c}, allMet, nil, units, 0)
	if offered(b)["p/0"] != 1 || len(refused) != 1 || refused[0].Code != codeRevoked {
		t.Errorf("offered %v, refused %+v", offered(b), refused)
	}
}

func TestARelationHasNoMoreThanItMay(t *testing.T) {
	claims := []claim{asks("lease:1", "w/0", "a", 2), asks("lease:1", "w/1", "a", 2), asks("lease:2", "x/0", "a", 2)}
	units := map[string]peer{"p/0": withRoom(9)}
	b, refused := book{}.decide(claims, allMet, nil, units, 3)
	if offered(b)["p/0"] != 5 || len(refused) != 1 || refused[0].Code != pool.Code(pool.ErrLimit) || refused[0].Unit != "w/1" {
		t.Errorf("offered %v, refused %+v", offered(b), refused)
	}
	units = answered(b, units)
	if next, _ := b.decide(claims, allMet, nil, units, 1); !reflect.DeepEqual(offered(next), offered(b)) {
		t.Errorf("a smaller limit took back: %v", offered(next))
	}
}

// Whatever comes and goes, and in whatever order it is heard of: nothing is held
// twice, no unit holds more than it had room for, and in the end all that can be
// served is.
func TestOffersNeverServeTwiceAndComeToRest(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		var claims []claim
		for i := range 1 + r.IntN(4) {
			claims = append(claims, asks(fmt.Sprintf("lease:%d", r.IntN(2)), "w/0", fmt.Sprint("r", i), 1+r.IntN(5)))
		}
		total, units := map[string]int{}, map[string]peer{}
		for i := range 1 + r.IntN(3) {
			name := fmt.Sprint("p/", i)
			total[name] = r.IntN(6)
			units[name] = withRoom(total[name])
		}
		var b book
		for range 30 {
			b, _ = b.decide(claims, allMet, nil, units, 0)
			if r.IntN(4) == 0 {
				i := r.IntN(len(claims))
				claims[i].ask.Count = 1 + r.IntN(5)
			}
			heard := answered(b, units)
			for name := range units {
				if r.IntN(3) > 0 { // others are slow to hear or to be heard
					units[name] = heard[name]
				}
			}
			check(t, seed, claims, units, total)
		}
		for range 10 {
			b, _ = b.decide(claims, allMet, nil, units, 0)
			units = answered(b, units)
			check(t, seed, claims, units, total)
		}
		after, refused := b.decide(claims, allMet, nil, units, 0)
		if !reflect.DeepEqual(after, b) {
			t.Fatalf("seed %d: it does not come to rest", seed)
		}
		served, room, asked := 0, 0, 0
		for _, p := range units {
			for _, a := range p.Parts {
				served += a.Count
			}
		}
		for _, n := range total {
			room += n
		}
		for _, c := range claims {
			asked += c.ask.Count
		}
		if served != min(asked, room) || (served < asked) != (len(refused) > 0) {
			t.Fatalf("seed %d: %d served of %d with room for %d, refused %v", seed, served, asked, room, refused)
		}
	}
}

func check(t *testing.T, seed uint64, claims []claim, units map[string]peer, total map[string]int) {
	t.Helper()
	held := map[claimKey]int{}
	for name, p := range units {
		has := 0
		for _, a := range p.Parts {
			has += a.Count
			held[a.claimKey] += a.Count
		}
		if has+p.room("default") != total[name] {
			t.Fatalf("seed %d: %s has %d and room for %d, of %d", seed, name, has, p.room("default"), total[name])
		}
	}
	// A count that was lowered is only heard of later, hence the most there ever was.
	for k, n := range held {
		i := slices.IndexFunc(claims, func(c claim) bool { return c.claimKey == k })
		if i >= 0 && n > 5 {
			t.Fatalf("seed %d: %d are held for %+v", seed, n, k)
		}
	}
}

package charm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// book is what the leader decides: who serves how much of what. It is handed on
// with the lead, in the bag of the application.
type book struct {
	Offers []offer
	// Seq is the highest number that an offer ever had.
	Seq int
}

// refusal is why a part of a claim is offered to nobody.
type refusal struct {
	relation string
	lease.Problem
}

// rooms is what is left in the pools of the units while offers are made.
type rooms map[string]map[pool.PoolName]int

// decide returns the book that follows from what is asked for and what the units
// say. It is a pure function; twice with the same is the same. A unit keeps what
// it has said it took; what it did not take is offered to others, and only once
// it has said so, so that nothing is served twice.
// What units ask for that the leader has not met yet stands as it is.
func (b book) decide(claims []claim, unmet func(claimKey) bool, bad []refusal, units map[string]peer, perRelation int) (book, []refusal) {
	d := &decision{before: b, next: book{Seq: b.Seq}, units: units, left: rooms{}, perRelation: perRelation,
		given: map[string]int{}, refused: slices.Clone(bad)}
	d.countRooms(claims)
	for _, c := range claims {
		d.serve(c)
	}
	for _, o := range b.Offers {
		if unmet(o.claimKey) {
			d.next.Offers = append(d.next.Offers, o)
		}
	}
	slices.SortFunc(d.next.Offers, func(x, y offer) int {
		return cmp.Or(cmp.Compare(x.Relation, y.Relation), hooktool.CompareUnits(x.Unit, y.Unit), cmp.Compare(x.ID, y.ID), hooktool.CompareUnits(x.To, y.To))
	})
	return d.next, d.refused
}

type decision struct {
	before, next book
	units        map[string]peer
	left         rooms
	perRelation  int
	given        map[string]int // by relation
	refused      []refusal
}

// countRooms begins with what the units say, less what was offered to them and
// is not answered yet.
func (d *decision) countRooms(claims []claim) {
	for name, p := range d.units {
		d.left[name] = map[pool.PoolName]int{}
		for _, r := range p.Rooms {
			d.left[name][r.Pool] = r.Room
		}
	}
	for _, c := range claims {
		for _, o := range d.standing(c.claimKey) {
			d.left[o.To][c.ask.Pool] -= d.open(o)
		}
	}
}

// promised is how much of an offer stands: what the unit took, or all of it while
// it has not answered. held is what the unit may have at this moment, which is
// more when it has not heard yet that the offer became smaller.
func (d *decision) promised(o offer) (promised, held int) {
	p := d.units[o.To]
	a, _ := p.part(o.claimKey)
	if a.Seq == o.Seq {
		return min(a.Count, o.Count), a.Count
	}
	return o.Count, max(a.Count, o.Count)
}

// open is what of an offer may still be taken from the unit's room.
func (d *decision) open(o offer) int {
	p := d.units[o.To]
	a, _ := p.part(o.claimKey)
	if a.Seq == o.Seq {
		return 0
	}
	return max(0, o.Count-a.Count)
}

// serve decides on one claim.
func (d *decision) serve(c claim) {
	standing := d.standing(c.claimKey)
	total, held := 0, 0
	for _, o := range standing {
		promised, has := d.promised(o)
		total, held = total+promised, held+has
	}
	want, why := d.wanted(c, total)
	for i := len(standing) - 1; i >= 0 && total > want; i-- {
		n, _ := d.promised(standing[i])
		less := min(n, total-want)
		if less > 0 {
			standing[i] = d.renewed(standing[i], n-less)
		}
		total -= less
	}
	for held < want {
		to, n := d.roomiest(c, want-held)
		if n == 0 {
			break
		}
		standing = d.add(standing, c.claimKey, to, n)
		d.left[to][c.ask.Pool] -= n
		total, held = total+n, held+n
	}
	for _, o := range standing {
		if _, has := d.promised(o); has > 0 || d.troubled(o.To, o.claimKey) {
			d.next.Offers = append(d.next.Offers, o)
		}
	}
	d.given[c.Relation] += total
	if total < want {
		why = append(why, d.shortage(c, want-total))
	}
	for _, p := range why {
		p.Unit, p.Request = c.Unit, c.ID
		d.refused = append(d.refused, refusal{c.Relation, p})
	}
}

// standing are the offers of a claim whose units are still there to take them.
func (d *decision) standing(k claimKey) []offer {
	var list []offer
	for _, o := range d.before.Offers {
		if p := d.units[o.To]; o.claimKey == k && (p.unheard || len(p.Rooms) > 0) {
			list = append(list, o)
		}
	}
	return list
}

// wanted is how much of a claim is to be served, and why that is not all of it.
// A limit takes nothing back of what is held.
func (d *decision) wanted(c claim, held int) (int, []lease.Problem) {
	var why []lease.Problem
	want := c.ask.Count
	for _, name := range slices.SortedFunc(maps.Keys(d.units), hooktool.CompareUnits) {
		for _, r := range d.units[name].Revoked {
			if r.claimKey == c.claimKey {
				want = max(0, want-r.Count)
				why = append(why, lease.Problem{Code: codeRevoked, Reason: fmt.Sprintf("%d taken back by an operator: %s", r.Count, r.Reason), Next: "ask for it under another id"})
			}
		}
	}
	if room := max(d.perRelation-d.given[c.Relation], held); d.perRelation > 0 && want > room {
		why = append(why, lease.Problem{Code: pool.Code(pool.ErrLimit),
			Reason: fmt.Sprintf("a relation may have %d leases, and this one has %d others", d.perRelation, d.given[c.Relation]),
			Next:   "release some, or raise max-leases-per-relation"})
		want = room
	}
	return want, why
}

const codeRevoked = "revoked"

// roomiest is the unit with the most room for a claim, the one with the lowest
// number among equals, and how much of n it can have.
func (d *decision) roomiest(c claim, n int) (string, int) {
	best, most := "", 0
	for _, unit := range slices.SortedFunc(maps.Keys(d.left), hooktool.CompareUnits) {
		if room := d.left[unit][c.ask.Pool]; room > most && !d.troubled(unit, c.claimKey) {
			best, most = unit, room
		}
	}
	return best, min(n, most)
}

// troubled reports whether a unit said that it could not take all of a claim. It
// is offered no more of it until it takes that back.
func (d *decision) troubled(unit string, k claimKey) bool {
	p := d.units[unit]
	a, _ := p.part(k)
	return a.Trouble != nil
}

// add offers a unit n more of a claim than it has.
func (d *decision) add(standing []offer, k claimKey, to string, n int) []offer {
	for i, o := range standing {
		if o.To == to {
			has, _ := d.promised(o)
			standing[i] = d.renewed(o, has+n)
			return standing
		}
	}
	return append(standing, d.renewed(offer{claimKey: k, To: to}, n))
}

func (d *decision) renewed(o offer, count int) offer {
	d.next.Seq++
	o.Count, o.Seq = count, d.next.Seq
	return o
}

// shortage says why nobody can serve the rest of a claim.
func (d *decision) shortage(c claim, missing int) lease.Problem {
	known := map[pool.PoolName]bool{}
	for _, p := range d.units {
		for _, r := range p.Rooms {
			known[r.Pool] = true
		}
	}
	if len(known) == 0 {
		return lease.Problem{Code: pool.Code(pool.ErrUnavailable), Reason: "no unit of lxd-pool is ready", Next: "wait; juju status says what they wait for"}
	}
	if !known[c.ask.Pool] {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(known)) {
			names = append(names, string(name))
		}
		return lease.Problem{Code: pool.Code(pool.ErrNoPool), Reason: fmt.Sprintf("there is no pool %q; the pools are %s", c.ask.Pool, strings.Join(names, ", ")),
			Next: "ask for one of these, or add it to the option pools of lxd-pool"}
	}
	for _, name := range slices.SortedFunc(maps.Keys(d.units), hooktool.CompareUnits) {
		p := d.units[name]
		if a, ok := p.part(c.claimKey); ok && a.Trouble != nil {
			t := *a.Trouble
			t.Reason = fmt.Sprintf("%d of %d missing: %s: %s", missing, c.ask.Count, name, t.Reason)
			return t
		}
	}
	return lease.Problem{Code: pool.Code(pool.ErrExhausted), Reason: fmt.Sprintf("%d of %d missing: no unit of lxd-pool has room in pool %s", missing, c.ask.Count, c.ask.Pool),
		Next: "wait, raise max, or add a unit of lxd-pool"}
}

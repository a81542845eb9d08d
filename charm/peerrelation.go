package charm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// peerRelation is what the units of the application say to each other.
type peerRelation struct {
	id     string // "" once this unit has left
	leader bool
	// own is what this unit said last, and says next.
	own peer
	// ownBag and appBag are what stands in the bags, which is not said again.
	ownBag, appBag map[string]string
	// others are the other units that are there.
	others map[string]peer
	book   book
	// askers are the units at the other end that Juju knows.
	askers map[string]bool
	// standsBy is the unit that manages the LXD of this one; "": this one does.
	standsBy string
}

func (c *Charm) openPeers(ctx context.Context) (*peerRelation, error) {
	p := &peerRelation{others: map[string]peer{}}
	if err := c.findSiblings(ctx, p); err != nil {
		return nil, err
	}
	ids, err := c.Tools.RelationIDs(ctx, peersEndpoint)
	if err != nil || len(ids) == 0 {
		return p, err
	}
	p.id = ids[0]
	if p.leader, err = c.Tools.IsLeader(ctx); err != nil {
		return nil, err
	}
	own, err := c.Tools.Bag(ctx, p.id, c.Event.Unit)
	if err != nil {
		return nil, err
	}
	p.own, p.ownBag = parsePeer(own), own
	if err := c.readOthers(ctx, p); err != nil {
		return nil, err
	}
	said, err := c.Tools.ApplicationBag(ctx, p.id, c.application())
	if err != nil {
		return nil, err
	}
	p.appBag = said
	p.book, err = parseBook(said)
	return p, err
}

// findSiblings finds the units that Juju knows. Those that this unit has not met
// yet keep what they were offered; those that are going take nothing.
func (c *Charm) findSiblings(ctx context.Context, p *peerRelation) error {
	goal, err := c.Tools.Goal(ctx)
	for name := range goal.Units {
		if name != c.Event.Unit {
			p.others[name] = peer{unheard: true}
		}
	}
	p.askers = goal.Remote[leaseEndpoint]
	return err
}

// readOthers reads what the units say that this one has met.
func (c *Charm) readOthers(ctx context.Context, p *peerRelation) error {
	met, err := c.Tools.RemoteUnits(ctx, p.id)
	if err != nil {
		return err
	}
	for _, name := range met {
		if _, there := p.others[name]; !there {
			continue
		}
		bag, err := c.Tools.Bag(ctx, p.id, name)
		if err != nil {
			return err
		}
		p.others[name] = parsePeer(bag)
	}
	return nil
}

func (c *Charm) application() string {
	name, _, _ := strings.Cut(c.Event.Unit, "/")
	return name
}

func parseBook(bag map[string]string) (b book, err error) {
	if bag[offersKey] != "" {
		err = json.Unmarshal([]byte(bag[offersKey]), &b.Offers)
	}
	if bag[seqKey] != "" && err == nil {
		b.Seq, err = strconv.Atoi(bag[seqKey])
	}
	if err != nil {
		err = fmt.Errorf("cannot read what the leader offers: %w", err)
	}
	return b, err
}

func (b book) bag() (map[string]string, error) {
	text, err := listText(b.Offers)
	return map[string]string{offersKey: text, seqKey: strconv.Itoa(b.Seq)}, err
}

// offersTo are the offers to a unit. One that leaves takes none.
func (p *peerRelation) offersTo(name string, leaving bool) []offer {
	if leaving || p.id == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.book.Offers), func(o offer) bool { return o.To != name })
}

// decline says that a unit whose daemon is not there has room for nothing more
// than it has, so that others are offered what it cannot take.
func (p *peerRelation) decline(name string, l *ledger) {
	for i := range p.own.Rooms {
		p.own.Rooms[i].Room = 0
	}
	if len(p.own.Rooms) == 0 {
		return // nothing is offered to it
	}
	for _, o := range p.offersTo(name, l.Leaving) {
		i := slices.IndexFunc(p.own.Parts, func(a part) bool { return a.claimKey == o.claimKey })
		if i >= 0 && p.own.Parts[i].Seq == o.Seq {
			continue
		}
		a := part{claimKey: o.claimKey, Seq: o.Seq, Count: min(o.Count, len(l.of(o.claimKey))), Since: time.Now().Round(time.Second),
			Trouble: &lease.Problem{Code: pool.Code(pool.ErrUnavailable), Reason: "its daemon does not answer", Next: "wait; juju status says what it waits for"}}
		if i >= 0 {
			p.own.Parts[i] = a
		} else {
			p.own.Parts = append(p.own.Parts, a)
		}
	}
}

// lead decides who serves what, if this unit leads, and returns what nobody
// serves. One that leaves no longer sees what is asked for, and leaves that to
// its successor.
func (u *unit) lead(ctx context.Context) ([]refusal, error) {
	if !u.peers.leader || u.ledger.Leaving {
		return nil, nil
	}
	units := map[string]peer{u.Event.Unit: u.peers.own}
	for name, p := range u.peers.others {
		units[name] = p
	}
	perRelation := 0
	switch {
	case u.perRelation != nil:
		perRelation = *u.perRelation
	case u.ledger.Serving != nil:
		perRelation = u.ledger.Serving.PerRelation
	}
	next, refused := u.peers.book.decide(u.claims, u.unmet, u.bad, units, perRelation)
	u.peers.book = next
	bag, err := next.bag()
	if err != nil {
		return nil, err
	}
	return refused, u.Tools.SetApplicationBag(ctx, u.peers.id, news(bag, u.peers.appBag))
}

// unmet reports whether a claim is of a unit that this one has not met yet in its
// relation: then it cannot know what that asks for. A relation that this one does
// not know is one that is to come, if it has not met the unit at all.
func (u *unit) unmet(k claimKey) bool {
	if !u.peers.askers[k.Unit] {
		return false
	}
	met := u.met[k.Unit]
	return !slices.Contains(met, k.Relation) && (len(met) == 0 || slices.Contains(u.relations, k.Relation))
}

// rooms is how much each pool of this unit can give. One that has trouble, or
// was slow to give, has what is ready.
func (u *unit) rooms(pools map[pool.PoolName]*api.Pool) []room {
	if u.ledger.Leaving {
		return nil
	}
	var list []room
	for name, p := range pools {
		n := max(0, p.Spec.WithDefaults().Max-p.Counts.Leased-p.Counts.Held)
		if len(p.Problems) > 0 || u.ledger.isSlow(name) {
			n = min(n, p.Counts.Ready)
		}
		if p.Disabled || p.Doomed || p.Unkept {
			n = 0
		}
		list = append(list, room{name, n})
	}
	slices.SortFunc(list, func(a, b room) int { return strings.Compare(string(a.Pool), string(b.Pool)) })
	return list
}

// writePeers tells the others what this unit can give and has taken.
func (u *unit) writePeers(ctx context.Context) error {
	p := u.peers
	if p.id == "" {
		return nil
	}
	if u.ledger.Leaving {
		p.own.Cluster = noCluster
	}
	p.own.Revoked = slices.DeleteFunc(p.own.Revoked, func(r revocation) bool { return !u.asked(r.claimKey) })
	bag, err := p.own.bag()
	if err != nil {
		return err
	}
	return u.Tools.SetBag(ctx, p.id, news(bag, p.ownBag))
}

// news is what of a bag does not stand there yet.
func news(bag, stands map[string]string) map[string]string {
	maps.DeleteFunc(bag, func(key, value string) bool { return stands[key] == value })
	return bag
}

func (u *unit) asked(k claimKey) bool {
	return slices.ContainsFunc(u.claims, func(c claim) bool { return c.claimKey == k })
}

// noCluster is what a unit says whose LXD is in no cluster. Without a word it
// has not looked yet.
const noCluster = "none"

// findManager finds the unit that manages the LXD of this one: the first of those
// in one cluster. A unit that has not heard yet of all the units before it waits.
func (u *unit) findManager(ctx context.Context) error {
	cluster, err := u.Workload.Cluster(ctx)
	if err != nil {
		return err
	}
	u.peers.own.Cluster = cmp.Or(cluster, noCluster)
	for _, name := range slices.SortedFunc(maps.Keys(u.peers.others), hooktool.CompareUnits) {
		p := u.peers.others[name]
		switch {
		case cluster == "" || u.peers.standsBy != "" || hooktool.CompareUnits(name, u.Event.Unit) > 0:
		case p.unheard || p.Cluster == "":
			return &Pending{Why: "waiting to hear whether " + name + " is in the same LXD cluster"}
		case p.Cluster == cluster:
			u.peers.standsBy = name
		}
	}
	if u.peers.standsBy != "" {
		u.peers.own.Rooms, u.peers.own.Parts = nil, nil
	}
	return nil
}

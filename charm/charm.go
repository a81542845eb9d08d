package charm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Charm is one unit of the charm, for one event.
type Charm struct {
	Tools    hooktool.Tools
	Event    hooktool.Event
	Workload Workload
	// Patience is how long a hook waits in all for instances that are on their way.
	Patience time.Duration
}

// The endpoints.
const (
	leaseEndpoint = "lease"
	peersEndpoint = "peers"
	certEndpoint  = "certificates"
	cosEndpoint   = "cos-agent"
)

// snapResource is the resource with a snap to install.
const snapResource = "lxd-pool-snap"

// Run does what the event asks for. The error is about the hook tools or the
// charm itself: Juju runs the hook again then, and nothing of what it wrote has
// taken effect. What somebody has to mend is told as the status.
func (c *Charm) Run(ctx context.Context) error {
	switch {
	case c.Event.Action != "":
		return c.act(ctx)
	case c.Event.Name == "remove":
		return c.remove(ctx)
	case c.Event.Name == "stop":
		return nil // of a unit that is going, or of a container that comes back
	}
	u, err := c.open(ctx)
	if err != nil {
		return err
	}
	return u.tell(ctx, u.reconcile(ctx))
}

// remove takes back what this unit brought to its machine.
func (c *Charm) remove(ctx context.Context) error {
	if err := c.Tools.SetStatus(ctx, hooktool.Maintenance, "deleting instances"); err != nil {
		return err
	}
	if err := c.Workload.Remove(ctx); err != nil {
		return fmt.Errorf("cannot remove lxd-pool: %w", err)
	}
	return nil
}

// unit is what one run works with.
type unit struct {
	*Charm
	options options
	ledger  *ledger
	peers   *peerRelation
	// relations are those of the endpoint lease that are not breaking.
	relations []string
	claims    []claim
	// met are the relations in which this one has met each unit at the other end.
	met      map[string][]string
	bad      []refusal
	networks map[string]hooktool.Network
	daemon   *client.Client
	// trouble is what keeps the pools from doing their work.
	trouble error
	serving *serving
	// perRelation is how many leases a relation may have, nil while the options are
	// wrong: then it is as it was.
	perRelation *int
	// observers are the relations with who scrapes the figures.
	observers []string
}

// open reads what there is.
func (c *Charm) open(ctx context.Context) (*unit, error) {
	u := &unit{Charm: c, options: options{}, networks: map[string]hooktool.Network{}, met: map[string][]string{}}
	var err error
	if err = c.Tools.Config(ctx, (*map[string]any)(&u.options)); err != nil {
		return nil, err
	}
	if u.ledger, err = c.readLedger(ctx); err != nil {
		return nil, err
	}
	if c.Event.Departing == c.Event.Unit && c.Event.Departing != "" {
		u.ledger.Leaving = true
	}
	if err := c.dropSecrets(ctx, u.ledger); err != nil {
		return nil, err
	}
	if u.peers, err = c.openPeers(ctx); err != nil {
		return nil, err
	}
	if u.ledger.Leaving {
		u.peers.own.Rooms, u.peers.own.Parts = nil, nil
	}
	return u, u.readClaims(ctx)
}

// readClaims reads what is asked for in the relations. Of one that this unit
// leaves it reads nothing, so that what was granted there is released.
func (u *unit) readClaims(ctx context.Context) error {
	ids, err := u.Tools.RelationIDs(ctx, leaseEndpoint)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == u.Event.Relation && (u.Event.Departing == u.Event.Unit || u.Event.Name == leaseEndpoint+"-relation-broken") {
			continue
		}
		u.relations = append(u.relations, id)
		if u.networks[id], err = u.Tools.Network(ctx, leaseEndpoint, id); err != nil {
			return err
		}
		if err := u.readRelation(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) readRelation(ctx context.Context, id string) error {
	units, err := u.Tools.RemoteUnits(ctx, id)
	if err != nil {
		return err
	}
	for _, name := range units {
		u.met[name] = append(u.met[name], id)
		bag, err := u.Tools.Bag(ctx, id, name)
		if err != nil {
			return err
		}
		good, bad := lease.ParseRequests(bag)
		for _, r := range good {
			u.claims = append(u.claims, newClaim(id, name, r))
		}
		for _, p := range bad {
			p.Unit = name
			u.bad = append(u.bad, refusal{id, p})
		}
	}
	return nil
}

// reconcile makes everything what it should be, as far as it can. The error is
// what stands in the way first. What can go on without it goes on: a wrong
// option takes no lease from anybody.
func (u *unit) reconcile(ctx context.Context) error {
	err := u.prepare(ctx)
	switch {
	case errors.Is(err, errTool):
		return err
	case u.daemon == nil:
		return errors.Join(err, u.lookOn(ctx))
	}
	defer u.daemon.Close()
	return errors.Join(err, u.share(ctx), u.trouble)
}

// lookOn is what a unit does whose daemon is not there: if it leads, it offers
// others what is asked for.
func (u *unit) lookOn(ctx context.Context) error {
	u.peers.decline(u.Event.Unit, u.ledger)
	refused, err := u.lead(ctx)
	if err != nil {
		return err
	}
	if err := u.refuse(ctx, refused); err != nil {
		return err
	}
	return errors.Join(u.writePeers(ctx), u.writeLedger(ctx, u.ledger))
}

// prepare brings the daemon up, as configured.
func (u *unit) prepare(ctx context.Context) error {
	conf, err := u.options.config()
	if err != nil {
		return u.fallBack(ctx, blockedBy(err, u.application()))
	}
	u.perRelation = &conf.PerRelation
	conf.setup.Snap = u.Tools.Resource(ctx, snapResource)
	if u.ledger.Serving == nil {
		if err := u.Tools.SetStatus(ctx, hooktool.Maintenance, "setting lxd-pool up"); err != nil {
			return fmt.Errorf("%w: %w", errTool, err)
		}
	}
	if err := u.Workload.Install(ctx, conf.setup); err != nil {
		return err
	}
	if err := u.findManager(ctx); err != nil {
		return err
	}
	if u.peers.standsBy != "" {
		return u.standBy(ctx)
	}
	if err := u.configure(ctx, conf); err != nil {
		return u.fallBack(ctx, blockedBy(err, u.application()))
	}
	u.ledger.Serving = &conf.serving
	return u.operate(ctx)
}

// standBy leaves LXD to the unit that manages it.
func (u *unit) standBy(ctx context.Context) error {
	if err := u.Workload.Stop(ctx); err != nil {
		return err
	}
	for _, e := range u.ledger.Leases {
		if err := u.Tools.RemoveSecret(ctx, e.Secret); err != nil {
			return fmt.Errorf("%w: %w", errTool, err)
		}
	}
	u.ledger.Leases = nil
	return nil
}

// fallBack goes on with what the daemon does already, since it is not to be
// changed because of err, which is returned.
func (u *unit) fallBack(ctx context.Context, err error) error {
	if u.ledger.Serving == nil {
		return err
	}
	return errors.Join(err, u.operate(ctx))
}

// operate takes up the daemon that runs.
func (u *unit) operate(ctx context.Context) error {
	daemon := u.Workload.Daemon()
	version, err := daemon.Version(ctx)
	if err != nil {
		daemon.Close()
		return &Pending{Why: "lxd-poold does not answer: " + err.Error()}
	}
	u.daemon, u.serving = daemon, u.ledger.Serving
	if u.ledger.Version == version.Version {
		return nil
	}
	u.ledger.Version = version.Version
	if err := u.Tools.SetVersion(ctx, version.Version); err != nil {
		return fmt.Errorf("%w: %w", errTool, err)
	}
	return nil
}

// share has the leader offer, this unit take, and says what came of it.
func (u *unit) share(ctx context.Context) error {
	pools, err := u.poolsByName(ctx)
	if err != nil {
		return err
	}
	u.peers.own.Rooms = u.rooms(pools)
	s := &service{Charm: u.Charm, daemon: u.daemon, serving: *u.serving, ledger: u.ledger, claims: map[claimKey]claim{}, pools: pools,
		networks: u.networks, revoked: u.revoked, busy: map[int]bool{}, late: time.Now().Add(u.Patience)}
	for _, c := range u.claims {
		s.claims[c.claimKey] = c
	}
	if err := s.look(ctx); err != nil {
		return errors.Join(err, u.writeLedger(ctx, u.ledger))
	}
	refused, err := u.lead(ctx)
	if err != nil {
		return err
	}
	if s.doubtful, err = u.failedAttempt(ctx, u.ledger); err != nil {
		return err
	}
	parts, err := s.settle(ctx, u.peers.offersTo(u.Event.Unit, u.ledger.Leaving), u.peers.own.Parts)
	if err != nil { // what it did stands all the same; the next hook tells of it
		return errors.Join(err, u.writeLedger(ctx, u.ledger))
	}
	u.peers.own.Parts = parts
	if pools, err = u.poolsByName(ctx); err != nil {
		return errors.Join(err, u.writeLedger(ctx, u.ledger))
	}
	if err := u.answer(ctx, s, refused); err != nil {
		return err
	}
	u.trouble, u.peers.own.Rooms = trouble(pools), u.rooms(pools)
	return errors.Join(u.writePeers(ctx), u.writeLedger(ctx, u.ledger), u.observe(ctx))
}

func (u *unit) poolsByName(ctx context.Context) (map[pool.PoolName]*api.Pool, error) {
	list, err := u.daemon.Pools(ctx)
	all := map[pool.PoolName]*api.Pool{}
	for _, p := range list {
		all[p.Name] = p
	}
	return all, err
}

// trouble is what keeps the pools from doing their work.
func trouble(pools map[pool.PoolName]*api.Pool) error {
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		for _, p := range pools[name].Problems {
			switch p.Code {
			case "full":
			case "lxd-away", "remote-away":
				return &Pending{Why: fmt.Sprintf("pool %s: %s", name, p.Text)}
			default:
				return &Blocked{Why: fmt.Sprintf("pool %s: %s", name, p.Text), Next: p.Remedy}
			}
		}
	}
	return nil
}

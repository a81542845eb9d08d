package charm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// params are the parameters of all actions together.
type params struct {
	Lease     pool.LeaseID   `json:"lease"`
	Holder    pool.Identity  `json:"holder"`
	Relation  string         `json:"relation"`
	Reason    string         `json:"reason"`
	Pool      pool.PoolName  `json:"pool"`
	Name      string         `json:"name"`
	Role      pool.TokenRole `json:"role"`
	Pools     string         `json:"pools"`
	MaxLeases int            `json:"max-leases"`
	Expires   string         `json:"expires"`
}

// results are what an action found. They are no secrets.
type results map[string]string

// actions are the actions by name. Each is about this unit's daemon.
var actions = map[string]func(*unit, context.Context, params) (results, error){
	"list-leases":  (*unit).listLeases,
	"get-status":   (*unit).getStatus,
	"revoke":       (*unit).revoke,
	"reset-pool":   (*unit).resetPool,
	"refill":       (*unit).refill,
	"create-token": (*unit).createToken,
}

// act runs an action. One that cannot be done has failed, with the reason; the
// unit is well.
func (c *Charm) act(ctx context.Context) error {
	u, err := c.open(ctx)
	if err != nil {
		return err
	}
	var p params
	if err := c.Tools.ActionParams(ctx, &p); err != nil {
		return err
	}
	p.Pool = cmp.Or(p.Pool, defaultPool)
	found, err := u.perform(ctx, p)
	if err != nil {
		return c.Tools.FailAction(ctx, err.Error())
	}
	return c.Tools.SetResults(ctx, found)
}

func (u *unit) perform(ctx context.Context, p params) (results, error) {
	do, ok := actions[u.Event.Action]
	if !ok {
		return nil, fmt.Errorf("cannot run action %q: there is none of that name", u.Event.Action)
	}
	if u.ledger.Serving == nil {
		return nil, fmt.Errorf("cannot run action %s: lxd-poold is not set up here; see juju status", u.Event.Action)
	}
	if err := u.operate(ctx); err != nil {
		return nil, err
	}
	defer u.daemon.Close()
	return do(u, ctx, p)
}

func (u *unit) listLeases(ctx context.Context, _ params) (results, error) {
	all, err := u.daemon.Leases(ctx, "", false)
	if err != nil {
		return nil, err
	}
	list := []listed{}
	for _, l := range all[:min(len(all), mostListed)] {
		list = append(list, listed{l.ID, l.Pool, l.Instance, l.Holder, l.Purpose[:min(len(l.Purpose), 80)], l.Expires})
	}
	text, err := json.Marshal(list)
	return results{"count": strconv.Itoa(len(all)), "listed": strconv.Itoa(len(list)), "leases": string(text)}, err
}

// mostListed is how many leases one action lists: a result is an argument of a
// program, which Linux bounds.
const mostListed = 300

// listed is a lease as the action tells it.
type listed struct {
	ID       pool.LeaseID      `json:"id"`
	Pool     pool.PoolName     `json:"pool"`
	Instance pool.InstanceName `json:"instance"`
	Holder   pool.Identity     `json:"holder"`
	Purpose  string            `json:"purpose"`
	Expires  time.Time         `json:"expires"`
}

func (u *unit) getStatus(ctx context.Context, _ params) (results, error) {
	version, err := u.daemon.Version(ctx)
	if err != nil {
		return nil, err
	}
	pools, err := u.daemon.Pools(ctx)
	if err != nil {
		return nil, err
	}
	why, err := u.daemon.Why(ctx, "")
	if err != nil {
		return nil, err
	}
	var states []poolState
	for _, p := range pools {
		states = append(states, poolState{p.Name, p.Counts, p.Problems, p.Disabled})
	}
	status, err := json.Marshal(states)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, e := range why {
		lines = append(lines, strings.Join(append([]string{e.Summary}, e.Next...), "; "))
	}
	return results{"version": version.Version, "pools": string(status), "why": strings.Join(lines, "\n")}, nil
}

// poolState is a pool as the action tells it.
type poolState struct {
	Name     pool.PoolName  `json:"name"`
	Counts   pool.Counts    `json:"counts"`
	Problems []pool.Problem `json:"problems"`
	Disabled bool           `json:"disabled"`
}

// revoke takes leases back. Those of relations are not granted again until they
// are asked for under another id.
func (u *unit) revoke(ctx context.Context, p params) (results, error) {
	all, err := u.daemon.Leases(ctx, "", false)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(l *api.Lease) bool { return !p.means(l) })
	if len(all) == 0 {
		return nil, fmt.Errorf("cannot revoke: no running lease of this unit is meant; see the action list-leases")
	}
	var ids []string
	for _, l := range all {
		if _, err = u.daemon.Revoke(ctx, l.ID, p.Reason); err != nil && !ended(err) {
			break
		}
		ids, err = append(ids, string(l.ID)), nil
	}
	// What was taken back is found by it, and told.
	if err := errors.Join(err, u.share(ctx)); err != nil {
		return nil, err
	}
	return results{"count": strconv.Itoa(len(ids)), "revoked": strings.Join(ids, " ")}, nil
}

// means reports whether a lease is one to revoke.
func (p params) means(l *api.Lease) bool {
	relation := p.Relation
	if _, err := strconv.Atoi(relation); err == nil {
		relation = leaseEndpoint + ":" + relation
	}
	switch {
	case p.Lease != "":
		return l.ID == p.Lease
	case p.Holder != "":
		return l.Holder == p.Holder
	default:
		return relation != "" && strings.HasPrefix(string(l.Holder), holderPrefix+relation+"/")
	}
}

// revoked notes that a lease of a relation is not to be granted again.
func (u *unit) revoked(key claimKey, reason string) {
	own := &u.peers.own
	for j := range own.Parts {
		if own.Parts[j].claimKey == key {
			own.Parts[j].Count--
		}
	}
	if j := slices.IndexFunc(own.Revoked, func(r revocation) bool { return r.claimKey == key }); j >= 0 {
		own.Revoked[j].Count++
		own.Revoked[j].Reason = reason
		return
	}
	own.Revoked = append(own.Revoked, revocation{key, 1, reason})
}

func (u *unit) resetPool(ctx context.Context, p params) (results, error) {
	return results{"pool": string(p.Pool)}, u.daemon.ResetPool(ctx, p.Pool)
}

func (u *unit) refill(ctx context.Context, p params) (results, error) {
	if err := u.daemon.RefillPool(ctx, p.Pool); err != nil {
		return nil, err
	}
	now, err := u.daemon.Pool(ctx, p.Pool)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(now.Counts)
	return results{"pool": string(p.Pool), "counts": string(text)}, err
}

// createToken makes a token. The results of actions are arguments of a program
// and are kept: the token goes into a secret that the model's operators read.
func (u *unit) createToken(ctx context.Context, p params) (results, error) {
	n := pool.NewToken{Name: p.Name, Role: p.Role, MaxLeases: p.MaxLeases}
	for name := range strings.SplitSeq(p.Pools, ",") {
		if name = strings.TrimSpace(name); name != "" {
			n.Pools = append(n.Pools, pool.PoolName(name))
		}
	}
	if p.Expires != "" {
		var err error
		if n.Expires, err = pool.ParseDuration(p.Expires); err != nil {
			return nil, pool.Invalidf(`write it like "8h" or "30d"`, "cannot use expires=%q: it is not a length of time", p.Expires)
		}
	}
	made, err := u.daemon.CreateToken(ctx, n)
	if err != nil {
		return nil, err
	}
	id, err := u.Tools.AddSecret(ctx, "token-"+p.Name, map[string]string{lease.TokenKey: string(made.Token)})
	if err != nil {
		return nil, err
	}
	u.ledger.Tokens = append(u.ledger.Tokens, id)
	if err := u.writeLedger(ctx, u.ledger); err != nil {
		return nil, err
	}
	return results{"holder": string(made.Holder()), "secret": id, "read-it-with": "juju show-secret --reveal " + id}, nil
}

package charm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// service grants what this unit was offered.
type service struct {
	*Charm
	daemon *client.Client
	serving
	ledger *ledger
	claims map[claimKey]claim
	pools  map[pool.PoolName]*api.Pool
	// networks is how this unit is reached in each relation.
	networks map[string]hooktool.Network
	// running are the leases of relations that the daemon has.
	running map[pool.LeaseID]*api.Lease
	// busy are ports of ssh-ports that turned out to be taken by something else.
	busy map[int]bool
	// revoked notes that a lease of a claim is not to be granted again.
	revoked func(claimKey, string)
	// doubtful are relations in which the hook before this one failed to grant.
	doubtful []string
	attempt  attempt
	// late is when this hook stops waiting for instances.
	late time.Time
}

// settle makes the leases what the offers say, after look, and returns how far it came. What
// it did is in the ledger, which is to be written. Leases of a hook that failed
// are in no ledger: they are released, since nobody was told of them.
func (s *service) settle(ctx context.Context, offers []offer, before []part) ([]part, error) {
	if err := s.dropStrangers(ctx); err != nil {
		return nil, err
	}
	wanted := map[claimKey]bool{}
	for _, o := range offers {
		wanted[o.claimKey] = true
	}
	for _, e := range slices.Clone(s.ledger.Leases) {
		if _, ok := s.claims[e.claimKey]; !ok || !wanted[e.claimKey] {
			if err := s.release(ctx, e); err != nil {
				return nil, err
			}
		}
	}
	var parts []part
	for _, o := range offers {
		c, ok := s.claims[o.claimKey]
		if !ok {
			continue // it is to be seen by this unit yet, or gone
		}
		if slices.Contains(s.doubtful, o.Relation) {
			parts = append(parts, s.standing(o, before)...)
			continue
		}
		p, err := s.take(ctx, c, o, before)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, s.keep(ctx)
}

// look reads what the daemon has, and forgets leases that have ended.
func (s *service) look(ctx context.Context) error {
	all, err := s.daemon.Leases(ctx, "", false)
	if err != nil {
		return err
	}
	s.running = map[pool.LeaseID]*api.Lease{}
	for _, l := range all {
		if strings.HasPrefix(string(l.Holder), holderPrefix) {
			s.running[l.ID] = l
		}
	}
	for _, e := range slices.Clone(s.ledger.Leases) {
		if s.running[e.Lease] == nil {
			s.heed(ctx, e)
			if err := s.forget(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// heed notes that an operator took a lease back, by whatever way.
func (s *service) heed(ctx context.Context, e entry) {
	l, err := s.daemon.Lease(ctx, e.Lease)
	if err == nil && l.Ended != nil && l.Ended.Cause == pool.Revoked {
		s.revoked(e.claimKey, cmp.Or(l.Ended.Reason, "no reason was given"))
	}
}

func (s *service) dropStrangers(ctx context.Context) error {
	for id := range s.running {
		if s.ledger.find(id) >= 0 {
			continue
		}
		if _, err := s.daemon.Release(ctx, id); err != nil && !ended(err) {
			return err
		}
		delete(s.running, id)
	}
	return nil
}

// release ends a lease and takes back what was told of it.
func (s *service) release(ctx context.Context, e entry) error {
	if _, err := s.daemon.Release(ctx, e.Lease); err != nil && !ended(err) {
		return err
	}
	delete(s.running, e.Lease)
	return s.forget(ctx, e)
}

func ended(err error) bool {
	return errors.Is(err, pool.ErrLeaseEnded) || errors.Is(err, pool.ErrNoLease) || errors.Is(err, pool.ErrNoPool)
}

func (s *service) forget(ctx context.Context, e entry) error {
	s.ledger.forget(e.Lease)
	return s.Tools.RemoveSecret(ctx, e.Secret)
}

// standing is what was said before of a claim, of which nothing is taken now.
func (s *service) standing(o offer, before []part) []part {
	return slices.DeleteFunc(slices.Clone(before), func(p part) bool { return p.claimKey != o.claimKey })
}

// take takes as much of an offer as it can, and what it took of it before at
// most once it has answered: the rest may have been offered to others.
func (s *service) take(ctx context.Context, c claim, o offer, before []part) (part, error) {
	p, target := part{claimKey: o.claimKey, Seq: o.Seq}, o.Count
	if i := slices.IndexFunc(before, func(p part) bool { return p.claimKey == o.claimKey && p.Seq == o.Seq }); i >= 0 {
		target = min(target, before[i].Count)
		if time.Since(before[i].Since) < slowFor {
			p.Trouble, p.Since = before[i].Trouble, before[i].Since
		}
	}
	have := s.ledger.of(c.claimKey)
	for len(have) > target {
		if err := s.release(ctx, have[len(have)-1]); err != nil {
			return p, err
		}
		have = have[:len(have)-1]
	}
	var why error
	for len(have) < target && why == nil {
		e, err := s.acquire(ctx, c)
		switch {
		case err == nil:
			have = append(have, e)
		case ctx.Err() != nil || errors.Is(err, pool.ErrUnreachable) || errors.Is(err, errTool):
			return p, err
		default:
			why = err
		}
	}
	p.Count = len(have)
	if why != nil {
		if errors.Is(why, pool.ErrExhausted) {
			s.ledger.markSlow(c.ask.Pool)
		}
		trouble := lease.NewProblem("", why)
		p.Trouble, p.Since = &trouble, time.Now().Round(time.Second)
	}
	return p, nil
}

// errTool marks an error of a hook tool, after which the hook fails.
var errTool = errors.New("a hook tool failed")

// acquire gets one lease, and tells the unit that asked for it.
func (s *service) acquire(ctx context.Context, c claim) (entry, error) {
	e := entry{claimKey: c.claimKey}
	if err := s.attempting(ctx, c.Relation); err != nil {
		return e, fmt.Errorf("%w: %w", errTool, err)
	}
	l, err := s.ask(ctx, c, &e)
	if err != nil {
		return e, err
	}
	e.Lease = l.ID
	e.Secret, err = s.Tools.AddSecret(ctx, "lease-"+string(l.ID), map[string]string{lease.TokenKey: string(l.Token)})
	if err == nil {
		err = s.Tools.GrantSecret(ctx, e.Secret, c.Relation, c.Unit)
	}
	if err != nil {
		return e, fmt.Errorf("%w: %w", errTool, err)
	}
	s.ledger.Leases = append(s.ledger.Leases, e)
	s.running[l.ID] = l
	return e, nil
}

// ask asks the daemon for one lease. Better without ssh than not at all: the
// API works from everywhere.
func (s *service) ask(ctx context.Context, c claim, e *entry) (*api.Lease, error) {
	r := pool.AcquireRequest{Pool: c.ask.Pool, Holder: c.holder(), TTL: s.ttl(c), Purpose: purpose(c)}
	if c.ask.SSHPublicKey != "" {
		r.Settings.SSHKeys = []string{c.ask.SSHPublicKey}
	}
	if c.ask.SSHPublicKey == "" || s.Expose != exposeProxy {
		return s.insist(ctx, r)
	}
	l, err := s.askForwarded(ctx, r, first(s.networks[c.Relation].Bind), e)
	if !errors.Is(err, pool.ErrUnsupported) && !errors.Is(err, pool.ErrInUse) {
		return l, err
	}
	e.Forward, e.NoSSH = 0, lease.NewProblem("", err).Reason
	return s.insist(ctx, r)
}

// portTries is how many ports are tried that turn out to be taken.
const portTries = 5

// askForwarded asks for a lease whose ssh is behind a port of this machine.
func (s *service) askForwarded(ctx context.Context, r pool.AcquireRequest, address string, e *entry) (l *api.Lease, err error) {
	err = pool.Errorf(pool.ErrInUse, "set a wider range", "all of ssh-ports are taken")
	for range portTries {
		port, free := s.ledger.freePort(s.SSHPorts, s.busy)
		if !free {
			break
		}
		r.Settings.Forwards = []pool.Forward{{Listen: net.JoinHostPort(address, strconv.Itoa(port)), Port: 22}}
		if l, err = s.insist(ctx, r); !errors.Is(err, pool.ErrInUse) {
			e.Forward, s.ledger.LastPort = port, port
			break
		}
		s.busy[port] = true
	}
	return l, err
}

func first(list []string) string {
	if len(list) == 0 {
		return "127.0.0.1"
	}
	return list[0]
}

// step is how long one try waits before it looks whether waiting makes sense.
const step = pool.Duration(2 * time.Second)

// insist waits for an instance as long as one is on its way, but not beyond the
// time of this hook.
func (s *service) insist(ctx context.Context, r pool.AcquireRequest) (*api.Lease, error) {
	for {
		r.Wait = max(0, min(step, pool.Duration(time.Until(s.late))))
		leases, err := s.daemon.Acquire(ctx, r)
		if err == nil {
			return leases[0], nil
		}
		if !errors.Is(err, pool.ErrExhausted) || r.Wait == 0 || !s.onItsWay(ctx, r.Pool) {
			return nil, err
		}
	}
}

// onItsWay reports whether a pool will soon have something to give.
func (s *service) onItsWay(ctx context.Context, name pool.PoolName) bool {
	p, err := s.daemon.Pool(ctx, name)
	if err != nil {
		return false
	}
	n := p.Counts
	return len(p.Problems) == 0 && n.Ready+n.Starting+n.Creating+n.Spare+n.Resetting+n.Deleting > 0
}

// ttl is how long the leases of a claim last: long enough to be renewed.
func (s *service) ttl(c claim) pool.Duration {
	ttl := c.ask.TTL
	if p := s.pools[c.ask.Pool]; ttl == 0 && p != nil {
		ttl = p.Spec.TTL
	}
	return max(ttl, lease.MinTTL)
}

// mostPurpose bounds a purpose, in bytes, as the daemon does.
const mostPurpose = 1000

func purpose(c claim) string {
	text := strings.TrimSuffix(fmt.Sprintf("%s of %s: %s", c.ID, c.Unit, c.ask.Purpose), ": ")
	return strings.ToValidUTF8(text[:min(len(text), mostPurpose)], "")
}

// keep renews what is half over, and reads host keys that are missing.
func (s *service) keep(ctx context.Context) error {
	for i := range s.ledger.Leases {
		e := &s.ledger.Leases[i]
		c, l := s.claims[e.claimKey], s.running[e.Lease]
		if ttl := s.ttl(c); time.Until(l.Expires) < time.Duration(ttl)/2 {
			renewed, err := s.daemon.Renew(ctx, e.Lease, ttl)
			switch {
			case err == nil:
				s.running[e.Lease] = renewed
			case !ended(err):
				return err
			}
		}
		if c.ask.SSHPublicKey != "" && s.Expose != exposeAPI && len(e.HostKeys) == 0 && (e.NoSSH == "" || e.Forward != 0 || s.Expose == exposeDirect) {
			s.readHostKeys(ctx, e)
		}
	}
	return nil
}

// mostKey bounds a public key of a host, in bytes.
const mostKey = 16 << 10

// readHostKeys reads them from inside the instance, where nobody can be in between.
func (s *service) readHostKeys(ctx context.Context, e *entry) {
	const dir = "/etc/ssh"
	e.NoSSH = "there are no host keys in " + dir + " yet, or its image has no ssh server"
	files, err := s.daemon.ListFiles(ctx, e.Lease, dir)
	if err != nil {
		e.NoSSH = "its host keys cannot be read: " + lease.NewProblem("", err).Reason
		return
	}
	slices.SortFunc(files, func(a, b pool.File) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range files {
		if !strings.HasPrefix(f.Name, "ssh_host_") || !strings.HasSuffix(f.Name, ".pub") || f.Size > mostKey {
			continue
		}
		text, err := pull(ctx, s.daemon, e.Lease, dir+"/"+f.Name)
		fields := strings.Fields(text)
		if err != nil || len(fields) < 2 || strings.Contains(strings.TrimSpace(text), "\n") {
			continue
		}
		e.HostKeys, e.NoSSH = append(e.HostKeys, lease.HostKey{Key: fields[0] + " " + fields[1]}), ""
	}
}

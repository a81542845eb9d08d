package charm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// ledger is what this unit knows of the leases it has granted. Juju keeps it,
// and takes it over together with what the same hook says in the relations: when
// a hook fails, leases that it acquired are in no ledger, and are released.
type ledger struct {
	// Leases are in the order in which they were granted.
	Leases []entry `json:"leases,omitempty"`
	// Tokens are the ids of the secrets with tokens that operators have made.
	Tokens []string `json:"tokens,omitempty"`
	// Leaving: this unit is being removed, and grants nothing any more.
	Leaving bool `json:"leaving,omitempty"`
	// LastPort is the port for ssh that was given last.
	LastPort int `json:"last_port,omitempty"`
	// Slow are the pools that could not give in time, and since when.
	Slow map[pool.PoolName]time.Time `json:"slow,omitempty"`
	// Version is the version of the daemon that was told.
	Version string `json:"version,omitempty"`
	// Round counts how often it was written.
	Round int `json:"round"`
	// Serving is how leases were served when the options were right last; nil: never.
	Serving *serving `json:"serving,omitempty"`
}

// entry is one lease.
type entry struct {
	claimKey
	Lease pool.LeaseID `json:"lease"`
	// Secret is the id of the Juju secret with its token.
	Secret string `json:"secret"`
	// Forward is the port of this machine that leads to its ssh; 0: none.
	Forward int `json:"forward,omitempty"`
	// HostKeys are those of the instance; NoSSH is why there is no way in by ssh.
	HostKeys []lease.HostKey `json:"host_keys,omitempty"`
	NoSSH    string          `json:"no_ssh,omitempty"`
}

const ledgerKey = "ledger"

func (c *Charm) readLedger(ctx context.Context) (*ledger, error) {
	text, err := c.Tools.State(ctx, ledgerKey)
	l := &ledger{}
	if err != nil || text == "" {
		return l, err
	}
	if err := json.Unmarshal([]byte(text), l); err != nil {
		return nil, fmt.Errorf("cannot read the ledger of leases: %w", err)
	}
	return l, nil
}

func (c *Charm) writeLedger(ctx context.Context, l *ledger) error {
	l.Round++
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return c.Tools.SetState(ctx, ledgerKey, string(text))
}

// of returns the entries of a claim, oldest first.
func (l *ledger) of(k claimKey) []entry {
	var list []entry
	for _, e := range l.Leases {
		if e.claimKey == k {
			list = append(list, e)
		}
	}
	return list
}

// dropSecrets removes secrets that are in no ledger: Juju keeps those that a hook
// has made which failed afterwards.
func (c *Charm) dropSecrets(ctx context.Context, l *ledger) error {
	all, err := c.Tools.Secrets(ctx)
	for _, id := range all {
		bare := strings.TrimPrefix(id, "secret:")
		has := func(known string) bool { return strings.TrimPrefix(known, "secret:") == bare }
		if slices.ContainsFunc(l.Tokens, has) || slices.ContainsFunc(l.Leases, func(e entry) bool { return has(e.Secret) }) {
			continue
		}
		if err := c.Tools.RemoveSecret(ctx, id); err != nil {
			return err
		}
	}
	return err
}

func (l *ledger) find(id pool.LeaseID) int {
	return slices.IndexFunc(l.Leases, func(e entry) bool { return e.Lease == id })
}

func (l *ledger) forget(id pool.LeaseID) {
	l.Leases = slices.DeleteFunc(l.Leases, func(e entry) bool { return e.Lease == id })
}

// freePort is one of the range that no lease and nothing else has. It goes
// round, so that a port has its rest before another instance is behind it.
func (l *ledger) freePort(r portRange, busy map[int]bool) (int, bool) {
	taken, last := maps.Clone(busy), l.LastPort
	for _, e := range l.Leases {
		taken[e.Forward] = true
	}
	if last < r.First || last > r.Last {
		last = r.First - 1
	}
	n := r.Last - r.First + 1
	for i := range n {
		if port := r.First + (last-r.First+1+i)%n; !taken[port] {
			return port, true
		}
	}
	return 0, false
}

// slowFor is how long a pool that gave nothing in time has only what is ready.
const slowFor = 2 * time.Minute

func (l *ledger) isSlow(name pool.PoolName) bool {
	since, ok := l.Slow[name]
	return ok && time.Since(since) < slowFor
}

func (l *ledger) markSlow(name pool.PoolName) {
	if l.Slow == nil {
		l.Slow = map[pool.PoolName]time.Time{}
	}
	l.Slow[name] = time.Now().Round(time.Second)
}

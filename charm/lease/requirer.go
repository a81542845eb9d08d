package lease

import (
	"context"
	"fmt"
	"strings"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Requirer is the end of a charm that needs leased instances. Its methods are
// for any hook: they read and write what is there, and keep nothing.
type Requirer struct {
	Tools hooktool.Tools
	// Endpoint is the one with this interface in the charm's metadata.
	Endpoint string
	// Unit is this unit, as [hooktool.Event.Unit] has it.
	Unit string
}

// Ask says what this unit needs, in place of what it said before, in every
// relation of the endpoint. Without requests everything is taken back. On error
// nothing was said.
func (r Requirer) Ask(ctx context.Context, requests ...Request) error {
	bag, err := RequestsBag(requests)
	if err != nil {
		return err
	}
	relations, err := r.Tools.RelationIDs(ctx, r.Endpoint)
	if err != nil {
		return err
	}
	for _, id := range relations {
		if err := r.Tools.SetBag(ctx, id, bag); err != nil {
			return err
		}
	}
	return nil
}

// Granted is a lease of this unit with what it needs to use it.
type Granted struct {
	Lease
	API      API
	Relation string
	// Provider is the unit of lxd-pool that granted it.
	Provider string
	// Token opens the lease. It is a secret.
	Token pool.Token
}

// Granted returns the leases of this unit, and why others are not there. A lease
// whose secret cannot be read yet is left out; a hook tells when it can.
func (r Requirer) Granted(ctx context.Context) ([]Granted, []Problem, error) {
	var all []Granted
	var problems []Problem
	relations, err := r.Tools.RelationIDs(ctx, r.Endpoint)
	if err != nil {
		return nil, nil, err
	}
	for _, relation := range relations {
		units, err := r.Tools.RemoteUnits(ctx, relation)
		if err != nil {
			return nil, nil, err
		}
		for _, provider := range units {
			leases, bad, err := r.from(ctx, relation, provider)
			if err != nil {
				return nil, nil, err
			}
			all, problems = append(all, leases...), append(problems, bad...)
		}
	}
	return all, problems, nil
}

// from reads what one unit of lxd-pool says to this unit.
func (r Requirer) from(ctx context.Context, relation, provider string) (all []Granted, problems []Problem, err error) {
	bag, err := r.Tools.Bag(ctx, relation, provider)
	if err != nil {
		return nil, nil, err
	}
	answer, err := ParseAnswer(bag)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", provider, err)
	}
	for _, p := range answer.Problems {
		if p.Unit == r.Unit {
			problems = append(problems, p)
		}
	}
	for _, l := range answer.Leases {
		if l.Unit != r.Unit || answer.API == nil {
			continue
		}
		secret, err := r.Tools.Secret(ctx, l.Secret)
		if err != nil {
			continue
		}
		all = append(all, Granted{Lease: l, API: *answer.API, Relation: relation, Provider: provider, Token: pool.Token(secret[TokenKey])})
	}
	return all, problems, nil
}

// Client returns a client that may do with the lease what its holder may, from
// anywhere, to be closed.
func (g Granted) Client() *client.Client {
	return &client.Client{Address: g.API.URL, Authorities: []byte(g.API.CA), Token: g.Token}
}

// KnownHosts returns the lines of a known_hosts file of ssh for the lease, ""
// when there is no way in by ssh.
func (s *SSH) KnownHosts() string {
	if s == nil {
		return ""
	}
	host := s.Address
	if s.Port != 22 {
		host = fmt.Sprintf("[%s]:%d", s.Address, s.Port)
	}
	var lines strings.Builder
	for _, k := range s.HostKeys {
		fmt.Fprintln(&lines, host, k.Key)
	}
	return lines.String()
}

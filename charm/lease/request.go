package lease

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Interface is the name of the interface in the metadata of both charms.
const Interface = "lxd_pool_lease"

// RequestsKey is the key in the bag of a requirer's unit.
const RequestsKey = "requests"

// Request is what one unit asks for. It stands for as long as it is in the bag:
// leases that end are replaced, and taken back when the request goes.
type Request struct {
	// ID is the unit's own name for it: lower case letters, digits and dashes, at
	// most 40. A request of another pool or key under the same id is another one.
	ID string `json:"id"`
	// Pool is "default" when empty.
	Pool pool.PoolName `json:"pool,omitempty"`
	// Count is how many leases. 0: 1.
	Count int `json:"count,omitempty"`
	// TTL is how long each lease lasts without word from lxd-pool's unit, which
	// renews it while the requirer is there. 0: the pool's. Less than [MinTTL] is
	// that much.
	TTL pool.Duration `json:"ttl,omitzero"`
	// SSHPublicKey is a line as in authorized_keys that may log in as root; "": none.
	SSHPublicKey string `json:"ssh_public_key,omitempty"`
	// Purpose is told to those who operate the pool.
	Purpose string `json:"purpose,omitempty"`
}

// MaxCount is the most that one request may ask for, MaxRequests the most
// requests of one unit.
const (
	MaxCount    = 1000
	MaxRequests = 100
)

var requestID = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// normal returns r with what was left out, or what is wrong with it.
func (r Request) normal() (Request, error) {
	if r.Pool == "" {
		r.Pool = "default"
	}
	if r.Count == 0 {
		r.Count = 1
	}
	switch {
	case !requestID.MatchString(r.ID):
		return r, pool.Invalidf("use lower case letters, digits and dashes, at most 40", "cannot use %q as the id of a request", r.ID)
	case r.Pool.Validate() != nil:
		return r, r.Pool.Validate()
	case r.Count < 0 || r.Count > MaxCount:
		return r, pool.Invalidf(fmt.Sprintf("ask for 1 to %d", MaxCount), "cannot lease %d instances for one request", r.Count)
	case r.TTL < 0:
		return r, pool.Invalidf(`write it like "30m" or "8h"`, "cannot use a ttl below zero")
	case strings.Contains(r.SSHPublicKey, "PRIVATE KEY"):
		return r, pool.Invalidf("give the public key, as in the file that ends in .pub", "cannot use the ssh key: it is a private one")
	case r.SSHPublicKey != "" && (strings.ContainsAny(r.SSHPublicKey, "\r\n\x00") || len(strings.Fields(r.SSHPublicKey)) < 2):
		return r, pool.Invalidf(`give one line like "ssh-ed25519 AAAA... name"`, "cannot use the ssh key: it is no line of an authorized_keys file")
	}
	return r, nil
}

// ParseRequests reads the bag of a requirer's unit. What cannot be served comes
// back as problems, without the unit; the other requests stand.
func ParseRequests(bag map[string]string) ([]Request, []Problem) {
	text := bag[RequestsKey]
	if text == "" {
		return nil, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, []Problem{{Code: pool.Code(pool.ErrInvalid), Reason: "cannot read the requests: they are no JSON list", Next: "write what docs/interface/v0 says"}}
	}
	var good []Request
	var bad []Problem
	seen := map[string]bool{}
	for _, each := range raw {
		r, err := parseRequest(each)
		switch {
		case err == nil && seen[r.ID]:
			err = pool.Invalidf("give each its own", "cannot serve two requests with the id %q", r.ID)
		case err == nil && len(good) >= MaxRequests:
			err = pool.Invalidf("ask for more leases in one request", "cannot serve more than %d requests of one unit", MaxRequests)
		}
		if err != nil {
			bad = append(bad, NewProblem(r.ID, err))
			continue
		}
		seen[r.ID] = true
		good = append(good, r)
	}
	return good, bad
}

func parseRequest(text []byte) (Request, error) {
	var r Request
	if err := json.Unmarshal(text, &r); err != nil {
		var name struct{ ID any }
		json.Unmarshal(text, &name)
		r.ID, _ = name.ID.(string)
		return r, pool.Invalidf("write it as docs/interface/v0 says", "cannot read a request: %w", err)
	}
	return r.normal()
}

// RequestsBag is what to write into the bag of a requirer's unit; without
// requests it takes them back.
func RequestsBag(requests []Request) (map[string]string, error) {
	if len(requests) == 0 {
		return map[string]string{RequestsKey: ""}, nil
	}
	for _, r := range requests {
		if _, err := r.normal(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(requests)
	return map[string]string{RequestsKey: string(text)}, err
}

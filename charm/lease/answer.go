package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// MinTTL is the least a lease in a relation lasts: a unit of lxd-pool looks at
// its leases every five minutes or so, and must be able to miss one look.
const MinTTL = pool.Duration(15 * time.Minute)

// The keys in the bag of a unit of lxd-pool.
const (
	apiKey      = "api"
	leasesKey   = "leases"
	ProblemsKey = "problems"
)

// Answer is what one unit of lxd-pool says to all the units at the other end.
type Answer struct {
	// API is how to reach its daemon; nil: not yet.
	API *API
	// Leases are those that it has granted.
	Leases []Lease
	// Problems are why something that was asked for is not there.
	Problems []Problem
}

// API is how a daemon is reached.
type API struct {
	// URL is https://HOST:PORT, as reachable from the other end.
	URL string `json:"url"`
	// CA is PEM: the authority that signed the daemon's certificate, or the
	// certificate itself.
	CA string `json:"ca"`
}

// Lease is one leased instance.
type Lease struct {
	// Unit and Request are what it was granted for.
	Unit    string        `json:"unit"`
	Request string        `json:"request"`
	ID      pool.LeaseID  `json:"id"`
	Pool    pool.PoolName `json:"pool"`
	// Instance is the name of the container or virtual machine.
	Instance pool.InstanceName `json:"instance"`
	// Expires is when it ends if lxd-pool's unit does not renew it until then.
	Expires time.Time `json:"expires"`
	// Secret is the id of a Juju secret that Unit may read; see [TokenKey].
	Secret string `json:"secret"`
	// Addresses are the instance's own, which may be private to its host.
	Addresses []pool.Address `json:"addresses"`
	// SSH is how to log in, where a key was given and the pool allows it.
	SSH *SSH `json:"ssh,omitempty"`
}

// TokenKey is the key in the secret of a lease: the token that opens it.
const TokenKey = "token"

// SSH is how to log in to an instance from the other end of the relation.
type SSH struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
	User    string `json:"user"`
	// HostKeys are those that the instance may show.
	HostKeys []HostKey `json:"host_keys"`
}

// HostKey is a public key, such as "ssh-ed25519 AAAA...".
type HostKey struct {
	Key string `json:"key"`
}

// Problem is why a request is not served, or not wholly.
type Problem struct {
	Unit string `json:"unit"`
	// Request is "" when the requests could not be read at all.
	Request string `json:"request,omitempty"`
	// Lease is the lease that it is about, if it is about one.
	Lease pool.LeaseID `json:"lease,omitempty"`
	// Code is a stable word: one of those of the API, "revoked" or "no-ssh".
	Code string `json:"code"`
	// Reason says why, Next what to do about it.
	Reason string `json:"reason"`
	Next   string `json:"next,omitempty"`
}

// NewProblem is what to say of an error about a request.
func NewProblem(request string, err error) Problem {
	p := Problem{Request: request, Code: pool.Code(err), Reason: err.Error()}
	if known, ok := errors.AsType[*pool.Error](err); ok {
		p.Reason, p.Next = known.Text, known.Next
	}
	return p
}

// Bag is what to write for a. An empty list takes the key back.
func (a Answer) Bag() (map[string]string, error) {
	bag := map[string]string{}
	for key, value := range map[string]any{apiKey: a.API, leasesKey: a.Leases, ProblemsKey: a.Problems} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if bag[key] = string(text); bag[key] == "null" || bag[key] == "[]" {
			bag[key] = ""
		}
	}
	return bag, nil
}

// ParseAnswer reads the bag of a unit of lxd-pool.
func ParseAnswer(bag map[string]string) (Answer, error) {
	var a Answer
	err := errors.Join(parse(bag, apiKey, &a.API), parse(bag, leasesKey, &a.Leases), parse(bag, ProblemsKey, &a.Problems))
	return a, err
}

func parse(bag map[string]string, key string, v any) error {
	if bag[key] == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(bag[key]), v); err != nil {
		return fmt.Errorf("cannot read %q in the relation: %w", key, err)
	}
	return nil
}

package charm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// claimKey names what one unit asks for. A request of another pool or key has
// another one, also under the same id.
type claimKey struct {
	Relation string `json:"relation"`
	Unit     string `json:"unit"`
	ID       string `json:"id"`
	// Want is the sum of what its instances depend on.
	Want string `json:"want"`
}

// claim is what one unit asks for.
type claim struct {
	claimKey
	ask lease.Request
}

func newClaim(relation, unit string, r lease.Request) claim {
	sum := sha256.Sum256([]byte(string(r.Pool) + "\n" + r.SSHPublicKey))
	return claim{claimKey{relation, unit, r.ID, hex.EncodeToString(sum[:4])}, r}
}

// holderPrefix tells the leases of relations from others.
const holderPrefix = "juju:"

// holder is who has the leases of a claim, as the daemon knows it.
func (k claimKey) holder() pool.Identity {
	return pool.Identity(fmt.Sprintf("%s%s/%s", holderPrefix, k.Relation, k.Unit))
}

// offer is how much of a claim the leader wants one unit to serve. Each one that
// differs from the one before has another number.
type offer struct {
	claimKey
	To    string `json:"to"`
	Seq   int    `json:"seq"`
	Count int    `json:"count"`
}

// part is a unit's answer to an offer: how much it took. It never takes more of
// it later, so that the rest can be offered to others.
type part struct {
	claimKey
	Seq   int `json:"seq"`
	Count int `json:"count"`
	// Trouble is why it took less, and Since when. It is taken back after a while,
	// so that it is tried again.
	Trouble *lease.Problem `json:"trouble,omitempty"`
	Since   time.Time      `json:"since,omitzero"`
}

// revocation is how much of a claim an operator has taken back. That much of it
// is not served again.
type revocation struct {
	claimKey
	Count  int    `json:"count"`
	Reason string `json:"reason"`
}

// room is how many leases of a pool a unit can give now.
type room struct {
	Pool pool.PoolName `json:"pool"`
	Room int           `json:"room"`
}

// peer is what a unit says to the others.
type peer struct {
	// Cluster is that of its LXD, [noCluster] when it is in none.
	Cluster string
	// Rooms are those of all its pools. A unit without any takes no offers.
	Rooms   []room
	Parts   []part
	Revoked []revocation
	// unheard: it is there, and this unit has not met it yet.
	unheard bool
}

// The keys in the bag among peers: those of a unit, and those of the application.
const (
	clusterKey = "cluster"
	roomsKey   = "rooms"
	partsKey   = "parts"
	revokedKey = "revoked"

	offersKey = "offers"
	seqKey    = "seq"
)

func (p *peer) bag() (map[string]string, error) {
	bag := map[string]string{clusterKey: p.Cluster}
	for key, value := range map[string]any{roomsKey: p.Rooms, partsKey: p.Parts, revokedKey: p.Revoked} {
		text, err := listText(value)
		if err != nil {
			return nil, err
		}
		bag[key] = text
	}
	return bag, nil
}

// parsePeer reads what a unit says. Nothing else writes there, so that what
// cannot be read is of another version, and counts as not said.
func parsePeer(bag map[string]string) peer {
	p := peer{Cluster: bag[clusterKey]}
	for key, value := range map[string]any{roomsKey: &p.Rooms, partsKey: &p.Parts, revokedKey: &p.Revoked} {
		if bag[key] == "" || json.Unmarshal([]byte(bag[key]), value) != nil {
			continue
		}
	}
	return p
}

func (p *peer) room(name pool.PoolName) int {
	for _, r := range p.Rooms {
		if r.Pool == name {
			return r.Room
		}
	}
	return 0
}

func (p *peer) part(k claimKey) (part, bool) {
	for _, a := range p.Parts {
		if a.claimKey == k {
			return a, true
		}
	}
	return part{}, false
}

// listText is a list as JSON, "" for an empty one.
func listText(list any) (string, error) {
	text, err := json.Marshal(list)
	if s := string(text); s == "null" || s == "[]" {
		return "", err
	}
	return string(text), err
}

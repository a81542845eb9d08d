package pool

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// PoolName names a pool: letters, digits and hyphens, beginning with a letter,
// at most 40 characters, so that instance names made from it please LXD.
type PoolName string

// InstanceName names an instance in LXD. It is never used twice, not even
// after its pool was deleted and made again.
type InstanceName string

// LeaseID names a lease: its pool's name, a dot, and a random part.
// Knowing it gives no rights; the lease's token does.
type LeaseID string

// RequestID names one wish of one identity, so that a repeated acquire returns
// the leases that the first one got. Chosen by the caller; "" means none.
type RequestID string

// Identity names who asks, as the border authenticated it, such as "root",
// "user:alice" or "token:ci", or for whom an operator asks, such as "job:17".
// The engine trusts it and compares it, no more.
type Identity string

// ManagerID names the manager that owns instances; it is written into their
// tags, so that managers sharing one LXD never touch each other's.
type ManagerID string

// maxNamed bounds a holder that was named by somebody else, in bytes.
const maxNamed = 200

var (
	namedPattern = regexp.MustCompile(`^([a-z][a-z0-9-]*):[A-Za-z0-9][A-Za-z0-9._:/@+-]*$`)
	// ownKinds are those of callers, as the border authenticates them.
	ownKinds = []string{"root", "user", "uid", "token"}
)

// ValidateNamed reports, as an [ErrInvalid], why n cannot be a holder for whom
// an operator acquires. It has a kind and a name, such as "juju:lease:3/web/0",
// and is nobody who could come by themselves: so nobody is impersonated.
func (n Identity) ValidateNamed() error {
	form := namedPattern.FindStringSubmatch(string(n))
	switch {
	case len(n) > maxNamed:
		return Invalidf("", "cannot acquire for a holder of %d bytes: %d are allowed", len(n), maxNamed)
	case form != nil && slices.Contains(ownKinds, form[1]), slices.Contains(ownKinds, string(n)):
		return Invalidf("name another kind, such as job:17", "cannot acquire for %q: whoever that is acquires for themselves", string(n))
	case form == nil:
		return Invalidf(`write KIND:NAME, such as "job:17"; a kind has lower-case letters, digits and hyphens, a name letters, digits and ._:/@+-`,
			"cannot acquire for %q: that is no name of a holder", string(n))
	}
	return nil
}

// System is the identity behind what the engine does on its own accord.
const System Identity = "lxd-pool"

var poolNamePattern = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// Validate reports, as an [ErrInvalid], why n cannot name a pool.
func (n PoolName) Validate() error {
	if poolNamePattern.MatchString(string(n)) {
		return nil
	}
	return Invalidf("use 1 to 40 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen",
		"cannot use %q as the name of a pool: it is not a name that LXD would take", string(n))
}

// Pool returns the name of the pool that the lease belongs to, "" when id does
// not have the form of a lease id.
func (id LeaseID) Pool() PoolName {
	name, _, ok := strings.Cut(string(id), ".")
	if !ok {
		return ""
	}
	return PoolName(name)
}

func newLeaseID(pool PoolName) LeaseID {
	return LeaseID(fmt.Sprintf("%s.%s", pool, randomText(10)))
}

// NewManagerID draws an identity for a new store; it is drawn once per state directory.
func NewManagerID() ManagerID { return ManagerID(randomText(12)) }

// randomText returns n lower-case letters and digits from crypto/rand, about
// five bits each.
func randomText(n int) string {
	return strings.ToLower(rand.Text())[:n]
}

// pool returns the name of the pool that an instance's name was made for.
func (n InstanceName) pool() PoolName {
	rest := string(n)
	for range 2 {
		i := strings.LastIndexByte(rest, '-')
		if i < 0 {
			return ""
		}
		rest = rest[:i]
	}
	return PoolName(rest)
}

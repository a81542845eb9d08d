package pool

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"time"
)

// Lease is one holder's exclusive right to one instance until Expires. Like
// [Instance], a committed value is never changed.
type Lease struct {
	ID       LeaseID      `json:"id"`
	Pool     PoolName     `json:"pool"`
	Instance InstanceName `json:"instance"`
	Holder   Identity     `json:"holder"`
	Purpose  string       `json:"purpose,omitempty"`
	Created  time.Time    `json:"created"`
	// Expires is a lower bound by the wall clock of this host. The engine itself
	// measures with the monotonic clock, so that a jump ends nothing early.
	Expires time.Time `json:"expires"`
	Fence   Fence     `json:"fence"`
	// Request is the request id that got it, unique with its holder.
	Request RequestID `json:"request,omitempty"`
	// Env is given to every command that runs through the lease. It may hold
	// secrets: it is never logged. The journal holds it until the lease ends. What
	// becomes of it in a backend is said at [Command.Env].
	Env map[string]string `json:"env,omitempty"`
	// Commands are those that run without their callers, oldest first, until the
	// lease ends.
	Commands []*Detached `json:"commands,omitempty"`
	// Forwards are the ports of the host that lead to its instance. They stay with
	// the record of an ended lease, since an instance that is held has them still.
	Forwards []Forward `json:"forwards,omitempty"`
	// Pending says that its settings were not applied yet, so that nobody has
	// heard of it.
	Pending bool `json:"pending,omitempty"`
	// Secrets are the SHA-256 sums of its tokens. There is more than one when an
	// acquire was repeated, since a lost answer took its token with it.
	Secrets [][]byte `json:"secrets,omitempty"`
	// Ended says what ended it; nil while it lasts.
	Ended *Ending `json:"ended,omitempty"`
}

// Ending is what ended a lease. It stays readable for [EndedKept].
type Ending struct {
	At     time.Time `json:"at"`
	By     Identity  `json:"by"`
	Cause  Cause     `json:"cause"`
	Reason string    `json:"reason,omitempty"`
}

// Cause is the kind of a lease's end.
type Cause string

// The causes.
const (
	Released    Cause = "released"    // by its holder
	Expired     Cause = "expired"     // nobody renewed it
	Revoked     Cause = "revoked"     // by an operator
	Vanished    Cause = "vanished"    // its instance went away under it
	Uncollected Cause = "uncollected" // granted, but the one who asked had left
)

// EndedKept is how long the record of an ended lease stays readable, and longer
// while its instance is held.
const EndedKept = 24 * time.Hour

// Token alone is enough for its lease, from any process.
// Only its hash is stored.
type Token string

// maxSecrets bounds how many tokens a lease may have: one per repeated acquire.
const maxSecrets = 8

func newToken() Token { return Token("lpt_" + rand.Text()) }

func (t Token) sum() []byte {
	sum := sha256.Sum256([]byte(t))
	return sum[:]
}

// Opens reports whether t is a token of the lease, in constant time.
func (l *Lease) Opens(t Token) bool {
	sum := t.sum()
	found := 0
	for _, secret := range l.Secrets {
		found |= subtle.ConstantTimeCompare(secret, sum)
	}
	return found == 1
}

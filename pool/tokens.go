package pool

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// NamedToken lets whoever shows its secret do what its role allows, as the
// holder "token:NAME". A name is never used twice.
type NamedToken struct {
	Name string    `json:"name"`
	Role TokenRole `json:"role"`
	// Pools are those that it is for; none: all of them.
	Pools []PoolName `json:"pools"`
	// MaxLeases is how many leases its holder has at once, in all pools
	// together; 0: any number.
	MaxLeases int       `json:"max_leases"`
	Created   time.Time `json:"created"`
	By        Identity  `json:"by"`
	// Expires and Revoked are its end; nil: it has none.
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	State   TokenState `json:"state"`
}

// Holder is whom it makes of those who show it.
func (n NamedToken) Holder() Identity { return tokenHolder + Identity(n.Name) }

const tokenHolder = "token:"

// TokenRole is what a named token allows.
type TokenRole string

// The roles.
const (
	TokenOperator TokenRole = "operator" // as root and the operators' group
	TokenConsumer TokenRole = "consumer" // acquires, and sees what is its own
	TokenViewer   TokenRole = "viewer"   // looks at pools, and changes nothing
)

// TokenState says whether a named token is good.
type TokenState string

// The states.
const (
	TokenActive  TokenState = "active"
	TokenExpired TokenState = "expired"
	TokenRevoked TokenState = "revoked"
)

// NewToken is what a named token is to be.
type NewToken struct {
	Name      string     `json:"name"`
	Role      TokenRole  `json:"role"`
	Pools     []PoolName `json:"pools,omitempty"`
	MaxLeases int        `json:"max_leases,omitempty"`
	// Expires counts from now; 0: never.
	Expires Duration `json:"expires,omitempty"`
}

// TokenRecord is what is kept of a named token: never its secret.
type TokenRecord struct {
	NamedToken
	Sum []byte `json:"sum"` // SHA-256 of the secret
}

// TokenBook keeps the named tokens. WriteTokens replaces all of them, and they
// are durable when it returns.
type TokenBook interface {
	ReadTokens() ([]TokenRecord, error)
	WriteTokens([]TokenRecord) error
}

// namedPrefix tells the secret of a named token from the token of a lease.
const namedPrefix = "lpn_"

// IsNamed reports whether t has the form of a named token's secret.
func (t Token) IsNamed() bool { return strings.HasPrefix(string(t), namedPrefix) }

// maxTokens bounds how many there are, those that have ended too.
const maxTokens = 10000

// tokens are the named ones. Its zero value has none and keeps none.
type tokens struct {
	mu   sync.Mutex
	book TokenBook
	all  []TokenRecord
	ends map[string]chan struct{} // of those that are good; closed at their end
	// alarms end them when they expire.
	alarms map[string]*time.Timer
	closed bool
}

// open reads the book; nil: they are kept in memory only.
func (s *tokens) open(book TokenBook) error {
	s.book, s.ends, s.alarms = book, map[string]chan struct{}{}, map[string]*time.Timer{}
	if book == nil {
		return nil
	}
	all, err := book.ReadTokens()
	if err != nil {
		return err
	}
	s.all = all
	for _, r := range all {
		s.begin(r)
	}
	return nil
}

func (s *tokens) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, alarm := range s.alarms {
		alarm.Stop()
	}
}

// begin makes a token good until its end.
func (s *tokens) begin(r TokenRecord) {
	if r.stateAt(time.Now()) != TokenActive {
		return
	}
	s.ends[r.Name] = make(chan struct{})
	if r.Expires != nil {
		s.alarms[r.Name] = time.AfterFunc(time.Until(*r.Expires), func() { s.expire(r.Name) })
	}
}

func (s *tokens) expire(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(name)
}

func (s *tokens) end(name string) {
	if alarm := s.alarms[name]; alarm != nil {
		alarm.Stop()
		delete(s.alarms, name)
	}
	if done := s.ends[name]; done != nil {
		close(done)
		delete(s.ends, name)
	}
}

func (n *NamedToken) stateAt(now time.Time) TokenState {
	switch {
	case n.Revoked != nil:
		return TokenRevoked
	case n.Expires != nil && !now.Before(*n.Expires):
		return TokenExpired
	}
	return TokenActive
}

// show is what may be seen of a token.
func (r TokenRecord) show() NamedToken {
	n := r.NamedToken
	n.Pools = append([]PoolName{}, n.Pools...)
	n.State = n.stateAt(time.Now())
	return n
}

func (s *tokens) find(name string) int {
	return slices.IndexFunc(s.all, func(r TokenRecord) bool { return r.Name == name })
}

// write makes all the new ones, durably; on error nothing has changed.
func (s *tokens) write(all []TokenRecord) error {
	if s.book != nil {
		if err := s.book.WriteTokens(all); err != nil {
			return Errorf(ErrUnavailable, "free space or mend the disk, and try again", "cannot write the tokens: %w", err)
		}
	}
	s.all = all
	return nil
}

// most is how many leases a holder may have; 0: any number.
func (s *tokens) most(holder Identity) int {
	name, ok := strings.CutPrefix(string(holder), tokenHolder)
	if !ok {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(name); i >= 0 {
		return s.all[i].MaxLeases
	}
	return 0
}

// CreateToken makes a named token. Its secret is returned here and never again.
// parent is the token of the one who makes it, nil for an operator of this host:
// no token makes one that may do more, or lasts longer.
func (m *Manager) CreateToken(ctx context.Context, n NewToken, by Identity, parent *NamedToken) (NamedToken, Token, error) {
	r := TokenRecord{NamedToken: NamedToken{Name: n.Name, Role: n.Role, Pools: slices.Clone(n.Pools), MaxLeases: n.MaxLeases,
		Created: time.Now().Round(0), By: by}}
	if n.Expires != 0 {
		end := r.Created.Add(time.Duration(n.Expires))
		r.Expires = &end
	}
	if err := n.check(); err != nil {
		return NamedToken{}, "", err
	}
	if err := r.within(parent); err != nil {
		return NamedToken{}, "", err
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	token := Token(namedPrefix + hex.EncodeToString(secret))
	r.Sum = token.sum()
	s := &m.tokens
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(n.Name); i >= 0 {
		return NamedToken{}, "", Errorf(ErrExists, "use another name", "cannot make token %q: there is or was one of that name", n.Name)
	}
	if len(s.all) >= maxTokens {
		return NamedToken{}, "", Errorf(ErrLimit, "", "cannot make token %q: there are %d, those that have ended too", n.Name, maxTokens)
	}
	if err := s.write(append(slices.Clone(s.all), r)); err != nil {
		return NamedToken{}, "", err
	}
	s.begin(r)
	return r.show(), token, nil
}

var tokenName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (n NewToken) check() error {
	switch {
	case !tokenName.MatchString(n.Name):
		return Invalidf("use lower case letters, digits and dashes, at most 63", "cannot make token %q: that is no name for one", n.Name)
	case n.Role != TokenOperator && n.Role != TokenConsumer && n.Role != TokenViewer:
		return Invalidf("use operator, consumer or viewer", "cannot make token %q: its role cannot be %q", n.Name, n.Role)
	case n.MaxLeases < 0:
		return Invalidf("", "cannot make token %q: it cannot have %d leases", n.Name, n.MaxLeases)
	case n.Expires < 0:
		return Invalidf("", "cannot make token %q: it would have expired already", n.Name)
	}
	return nil
}

// within refuses a token that may do more than its parent.
func (r *TokenRecord) within(parent *NamedToken) error {
	if parent == nil {
		return nil
	}
	mightier := ""
	switch {
	case parent.Role != TokenOperator:
		mightier = "token " + parent.Name + " is not an operator's"
	case parent.MaxLeases > 0 && (r.MaxLeases == 0 || r.MaxLeases > parent.MaxLeases):
		mightier = "it could have more leases than token " + parent.Name
	case parent.Expires != nil && (r.Expires == nil || r.Expires.After(*parent.Expires)):
		mightier = "it would last longer than token " + parent.Name
	case len(parent.Pools) > 0 && (len(r.Pools) == 0 || slices.ContainsFunc(r.Pools, func(p PoolName) bool { return !slices.Contains(parent.Pools, p) })):
		mightier = "it would be for more pools than token " + parent.Name
	}
	if mightier == "" {
		return nil
	}
	return Errorf(ErrForbidden, "make it a lesser one, or make it as root", "cannot make token %q: %s", r.Name, mightier)
}

// Tokens lists the named tokens by name, those that have ended too.
func (m *Manager) Tokens() []NamedToken {
	m.tokens.mu.Lock()
	defer m.tokens.mu.Unlock()
	list := make([]NamedToken, len(m.tokens.all))
	for i, r := range m.tokens.all {
		list[i] = r.show()
	}
	slices.SortFunc(list, func(a, b NamedToken) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// TokenNamed returns one, or [ErrNotFound].
func (m *Manager) TokenNamed(name string) (NamedToken, error) {
	m.tokens.mu.Lock()
	defer m.tokens.mu.Unlock()
	i := m.tokens.find(name)
	if i < 0 {
		return NamedToken{}, noToken(name)
	}
	return m.tokens.all[i].show(), nil
}

func noToken(name string) error {
	return Errorf(ErrNotFound, `see "lxd-pool token list"`, "cannot find token %q: there is none of that name", name)
}

// RevokeToken ends a token: nobody gets in with it from now on, and what its
// users have under way ends. The leases of its holder go on until they expire,
// or are revoked too. Revoked twice is revoked.
func (m *Manager) RevokeToken(ctx context.Context, name string, by Identity, leases bool) (NamedToken, error) {
	n, err := m.tokens.revoke(name)
	if err != nil || !leases {
		return n, err
	}
	running, err := m.Leases(ctx, "")
	if err != nil {
		return n, err
	}
	for _, g := range running {
		if g.Lease.Holder != n.Holder() {
			continue
		}
		if _, err := m.Revoke(ctx, g.Lease.ID, by, "token "+name+" was revoked"); err != nil && Code(err) != Code(ErrLeaseEnded) {
			return n, err
		}
	}
	return n, nil
}

func (s *tokens) revoke(name string) (NamedToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(name)
	if i < 0 {
		return NamedToken{}, noToken(name)
	}
	if s.all[i].Revoked == nil {
		all, now := slices.Clone(s.all), time.Now().Round(0)
		all[i].Revoked = &now
		if err := s.write(all); err != nil {
			return NamedToken{}, err
		}
		s.end(name)
	}
	return s.all[i].show(), nil
}

// OpenToken returns the named token with this secret, and what is closed when it
// ends. One that is unknown, expired or revoked is [ErrForbidden], without
// saying which.
func (m *Manager) OpenToken(t Token) (NamedToken, <-chan struct{}, error) {
	s, sum := &m.tokens, t.sum()
	s.mu.Lock()
	defer s.mu.Unlock()
	found := -1
	for i, r := range s.all {
		if subtle.ConstantTimeCompare(r.Sum, sum) == 1 {
			found = i
		}
	}
	if found < 0 || s.ends[s.all[found].Name] == nil || s.all[found].stateAt(time.Now()) != TokenActive {
		return NamedToken{}, nil, ErrTokenEnded
	}
	return s.all[found].show(), s.ends[s.all[found].Name], nil
}

// ErrTokenEnded is what those hear whose token is not good, or not any longer.
var ErrTokenEnded = Errorf(ErrForbidden, "ask an operator for a new one (lxd-pool token create)",
	"cannot go on with this token: it is unknown, expired or revoked")

package server

import (
	"context"
	"net"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Caller is who is at the other end of a connection.
type Caller struct {
	// Identity is "root", "user:NAME", "uid:NUMBER" for one without a name, or
	// "" for nobody in particular.
	Identity pool.Identity
	Role     Role
	// Token is the named token that says so; nil: the connection does.
	Token *pool.NamedToken
}

// Role is what a caller may do, besides what a token allows.
type Role string

// The roles.
const (
	Outsider Role = "none"
	Viewer   Role = "viewer"
	Consumer Role = "consumer"
	Operator Role = "operator"
)

// owns reports whether a lease of holder is the caller's own.
func (c Caller) owns(holder pool.Identity) bool {
	return c.Role != Outsider && c.Identity != "" && c.Identity == holder
}

// holderFor returns whose leases are to be that the caller acquires: its own, or
// of whom it names. Naming is for operators, and not for one whose token has so
// many leases: those of others would not be counted.
func (c Caller) holderFor(named pool.Identity) (pool.Identity, error) {
	switch {
	case named == "":
		return c.Identity, nil
	case c.Role != Operator:
		return "", pool.Errorf(pool.ErrForbidden, "leave the holder out, or ask an operator to acquire",
			"cannot acquire for %q as %s: to name a holder is for operators", string(named), c.Identity)
	case c.Token != nil && c.Token.MaxLeases > 0:
		return "", pool.Errorf(pool.ErrForbidden, "leave the holder out, or show a token for any number of leases",
			"cannot acquire for %q: token %s is for %d leases of its own", string(named), c.Token.Name, c.Token.MaxLeases)
	}
	return named, named.ValidateNamed()
}

// mayForward refuses ports of the host to whoever does not operate it, also to
// those who operate some pools only.
func (c Caller) mayForward(forwards []pool.Forward) error {
	if len(forwards) == 0 || c.Role == Operator && !c.bounded() {
		return nil
	}
	return pool.Errorf(pool.ErrForbidden, "leave it out, or ask an operator to acquire",
		"cannot forward %q as %s: ports of the host are for operators", forwards[0].Listen, c.Identity)
}

// lease is what the caller sees of a grant.
func (c Caller) lease(g pool.Grant) *api.Lease {
	l := api.NewLease(g)
	if c.Role == Operator {
		l.Request = g.Lease.Request
	}
	return l
}

func (c Caller) leases(grants []pool.Grant) []*api.Lease {
	list := make([]*api.Lease, len(grants))
	for i, g := range grants {
		list[i] = c.lease(g)
	}
	return list
}

type callerKey struct{}

// remember gives the requests of a connection the way to learn who makes them.
// It asks only when the first one comes, since looking a user up may be slow
// and this runs before the next connection is accepted.
func (s *Server) remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, callerKey{}, sync.OnceValue(func() Caller {
		c, err := s.options.Identify(conn)
		if err != nil {
			s.log.Warn("cannot tell who connects; treated as nobody", "err", err)
			return Caller{Role: Outsider}
		}
		return c
	}))
}

func callerOf(ctx context.Context) Caller {
	return ctx.Value(callerKey{}).(func() Caller)()
}

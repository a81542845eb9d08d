package server

import (
	"context"
	"net"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
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

package server

import (
	"context"
	"net/http"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// roles are what named tokens make of those who show them.
var roles = map[pool.TokenRole]Role{pool.TokenOperator: Operator, pool.TokenConsumer: Consumer, pool.TokenViewer: Viewer}

// identify makes of the caller whom the named token of the request stands for,
// whoever is at the other end of the connection. When the token ends, so does
// the context of the request. The caller calls done after the request.
func (s *Server) identify(r *request) (done func(), err error) {
	if !r.token.IsNamed() {
		return func() {}, nil
	}
	named, end, err := s.manager.OpenToken(r.token)
	if err != nil {
		r.caller = Caller{Role: Outsider}
		r.w.Header().Set("WWW-Authenticate", "Bearer")
		return func() {}, wrong{http.StatusUnauthorized, err}
	}
	r.caller = Caller{Identity: named.Holder(), Role: roles[named.Role], Token: &named}
	if w, ok := r.w.(*statusWriter); ok {
		w.identity = r.caller.Identity
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	go func() {
		select {
		case <-end:
			cancel(pool.ErrTokenEnded)
		case <-ctx.Done():
		}
	}()
	r.Request = r.WithContext(ctx)
	return func() { cancel(nil) }, nil
}

// sees reports whether a pool is one that the caller's token is for.
func (c Caller) sees(name pool.PoolName) bool {
	return c.Token == nil || len(c.Token.Pools) == 0 || slices.Contains(c.Token.Pools, name)
}

// bounded reports whether the caller's token is for some pools only.
func (c Caller) bounded() bool { return c.Token != nil && len(c.Token.Pools) > 0 }

// bound refuses what goes beyond the pools of the caller's token. Another pool
// does not exist for it, and what is about no pool is not for it, but for lists
// that leave out what it may not see.
func (s *Server) bound(route *api.Route, r *request) error {
	if !r.caller.bounded() {
		return nil
	}
	for _, name := range []string{r.PathValue("pool"), r.URL.Query().Get("pool")} {
		if name != "" && !r.caller.sees(pool.PoolName(name)) {
			return pool.Errorf(pool.ErrNoPool, `see "lxd-pool list"`, "cannot find pool %q: there is none, or it is not for your token", name)
		}
	}
	aboutAll := route.Access == api.Operators && r.PathValue("pool") == "" || route.Operation == api.OpGetMetrics
	if aboutAll {
		return pool.Errorf(pool.ErrForbidden, "show a token that is for every pool", "cannot use %s: token %s is for some pools only", r.Pattern, r.caller.Token.Name)
	}
	return nil
}

func (s *Server) listTokens(*request) (any, error) { return s.manager.Tokens(), nil }

func (s *Server) getToken(r *request) (any, error) {
	return s.manager.TokenNamed(r.PathValue("token"))
}

func (s *Server) createToken(r *request) (any, error) {
	var body pool.NewToken
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	named, secret, err := s.manager.CreateToken(r.Context(), body, r.caller.Identity, r.caller.Token)
	if err != nil {
		return nil, err
	}
	return api.MadeToken{NamedToken: named, Token: secret}, nil
}

func (s *Server) revokeToken(r *request) (any, error) {
	leases, err := r.flag("leases")
	if err != nil {
		return nil, err
	}
	// A token may revoke itself, which ends this very request.
	return s.manager.RevokeToken(context.WithoutCancel(r.Context()), r.PathValue("token"), r.caller.Identity, leases)
}

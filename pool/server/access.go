package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// admit says whether the caller may use a route in this way. It is the only
// place that decides this; what a handler shows to whom is the handler's.
func (s *Server) admit(route *api.Route, r *request) error {
	if err := s.allow(route.Access, r); err != nil {
		return err
	}
	if err := s.bound(route, r); err != nil {
		return err
	}
	for name := range r.URL.Query() {
		param := findParam(route, name)
		if param == nil {
			return pool.Invalidf("", "cannot use %q in a query: %s has no such parameter", name, r.Pattern)
		}
		if param.Access == "" {
			continue
		}
		if err := s.allow(param.Access, r); err != nil {
			return err
		}
	}
	return nil
}

func findParam(route *api.Route, name string) *api.Param {
	for i := range route.Query {
		if route.Query[i].Name == name {
			return &route.Query[i]
		}
	}
	return nil
}

func (s *Server) allow(access api.Access, r *request) error {
	switch {
	case access == api.Anyone, r.caller.Role == Operator && access != api.Holders:
		return nil
	case access == api.Consumers && (r.caller.Role == Consumer || r.caller.Role == Viewer && r.Method == http.MethodGet):
		return nil
	case access == api.Holders:
		return s.allowHolder(r)
	}
	return forbidden(access, r)
}

// allowHolder looks the lease of the path up, for the handlers too. A foreign
// lease gets the answer of one that does not exist.
func (s *Server) allowHolder(r *request) error {
	id := pool.LeaseID(r.PathValue("lease"))
	grant, err := s.manager.Lease(r.Context(), id)
	switch {
	case errors.Is(err, pool.ErrNoLease), errors.Is(err, pool.ErrNoPool), errors.Is(err, pool.ErrInvalid):
		return noLease(id)
	case err != nil:
		return err
	}
	byRole := r.caller.Role == Operator && r.caller.sees(grant.Lease.Pool)
	if !byRole && !r.caller.owns(grant.Lease.Holder) && !opens(r.token, grant.Lease) {
		return noLease(id)
	}
	r.grant = grant
	return nil
}

func opens(t pool.Token, l *pool.Lease) bool { return t != "" && l.Opens(t) }

func noLease(id pool.LeaseID) error {
	return pool.Errorf(pool.ErrNoLease, "list yours with: lxd-pool leases --mine",
		"cannot find lease %q: there is none, or it is not yours", id)
}

func forbidden(access api.Access, r *request) error {
	who := string(r.caller.Identity)
	if who == "" {
		who = "nobody in particular"
	}
	next := "ask an operator to admit you to the group of consumers (lxd-poold --consumers)"
	if access == api.Operators {
		next = "run it as root, or as a member of the operators' group (lxd-poold --group)"
	}
	if r.caller.Identity == "" {
		next = "show a token that admits you: LXD_POOL_TOKEN, or --token-file"
	}
	return pool.Errorf(pool.ErrForbidden, next, "cannot use %s as %s: it is for %s", r.Pattern, who, access)
}

// bearer returns the token that a request shows, if it has the form of one.
func bearer(header string) pool.Token {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || !(strings.HasPrefix(token, "lpt_") || pool.Token(token).IsNamed()) {
		return ""
	}
	return pool.Token(token)
}

package server

import (
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
)

// whyAll explains the pools that have a problem, to those who do not operate
// the daemon without who has leases of them.
func (s *Server) whyAll(r *request) (any, error) {
	return s.explain(r, "", r.caller.Role != Operator)
}

// why explains a subject: to operators any, to others a pool and what is theirs.
func (s *Server) why(r *request) (any, error) {
	subject := r.PathValue("subject")
	if r.caller.Role == Operator && !r.caller.bounded() {
		return s.explain(r, subject, false)
	}
	all, err := s.manager.Pools(r.Context())
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(all, func(p *pool.PoolStatus) bool { return string(p.Name) == subject && r.caller.sees(p.Name) }) {
		return s.explain(r, subject, true)
	}
	if err := s.mayAsk(r, subject); err != nil {
		return nil, err
	}
	return s.explain(r, subject, false)
}

func (s *Server) whyLease(r *request) (any, error) {
	return s.explain(r, string(r.grant.Lease.ID), false)
}

func (s *Server) explain(r *request, subject string, anonymous bool) (any, error) {
	list, err := s.manager.Why(r.Context(), subject)
	if err != nil {
		return nil, err
	}
	if subject == "" {
		list = slices.DeleteFunc(list, func(e pool.Explanation) bool { return !r.caller.sees(pool.PoolName(e.Subject)) })
	}
	if anonymous {
		for i := range list {
			list[i] = redact(list[i], r.caller)
		}
	}
	return append([]pool.Explanation{}, list...), nil
}

// redact takes the leases of others out of an explanation.
func redact(e pool.Explanation, me Caller) pool.Explanation {
	all := len(e.Leases)
	e.Leases = slices.DeleteFunc(slices.Clone(e.Leases), func(f pool.LeaseFact) bool { return !me.owns(f.Holder) })
	if len(e.Leases) < all {
		e.Facts = append(slices.Clone(e.Facts), "others have leases; who they are is for operators")
	}
	return e
}

// mayAsk refuses a lease or an instance that is not the caller's in the words
// of one that does not exist.
func (s *Server) mayAsk(r *request, subject string) error {
	if g, err := s.manager.Lease(r.Context(), pool.LeaseID(subject)); err == nil && r.caller.owns(g.Lease.Holder) {
		return nil
	}
	mine, err := s.manager.Leases(r.Context(), "")
	if err != nil {
		return err
	}
	if slices.ContainsFunc(mine, func(g pool.Grant) bool {
		return r.caller.owns(g.Lease.Holder) && string(g.Lease.Instance) == subject
	}) {
		return nil
	}
	return pool.Errorf(pool.ErrNoInstance, `see "lxd-pool list" and "lxd-pool leases"`,
		"cannot explain %q: there is no such pool, lease or instance, or it is not yours", subject)
}

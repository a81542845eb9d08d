package server

import (
	"slices"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// listLeases lists those of the pool in the path, or of all. Only operators see
// what is not their own.
func (s *Server) listLeases(r *request) (any, error) {
	mine, err := r.flag("mine")
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	request, holder := pool.RequestID(query.Get("request")), pool.Identity(query.Get("holder"))
	mine = mine || request != "" && holder == "" || r.caller.Role != Operator
	grants, err := s.manager.Leases(r.Context(), r.pool())
	if err != nil {
		return nil, err
	}
	return r.caller.leases(slices.DeleteFunc(grants, func(g pool.Grant) bool {
		l := g.Lease
		return !r.caller.sees(l.Pool) || mine && !r.caller.owns(l.Holder) ||
			holder != "" && l.Holder != holder || request != "" && l.Request != request
	})), nil
}

func (s *Server) getLease(r *request) (any, error) {
	return r.caller.lease(r.grant), nil
}

func (s *Server) renewLease(r *request) (any, error) {
	var body api.Renew
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return r.caller.answer(s.manager.Renew(r.Context(), r.grant.Lease.ID, body.TTL))
}

func (s *Server) releaseLease(r *request) (any, error) {
	id := r.grant.Lease.ID
	if query := r.URL.Query(); query.Has("reason") {
		return r.caller.answer(s.manager.Revoke(r.Context(), id, r.caller.Identity, query.Get("reason")))
	}
	return r.caller.answer(s.manager.Release(r.Context(), id, r.by()))
}

func (s *Server) holdLease(r *request) (any, error) {
	var body api.Hold
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if body.For <= 0 {
		return nil, pool.Invalidf(`say it like {"for":"2h","reason":"..."}`, "cannot hold %s: for how long is missing", r.grant.Lease.Instance)
	}
	h := pool.Hold{Until: time.Now().Add(time.Duration(body.For)), Reason: body.Reason, By: r.by()}
	return r.caller.answer(s.manager.Hold(r.Context(), r.grant.Lease.ID, h))
}

func (s *Server) endHold(r *request) (any, error) {
	return r.caller.answer(s.manager.EndHold(r.Context(), r.grant.Lease.ID))
}

// answer is what a verb on one lease answers with.
func (c Caller) answer(g pool.Grant, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return c.lease(g), nil
}

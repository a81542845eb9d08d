package server

import (
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
	request := pool.RequestID(r.URL.Query().Get("request"))
	mine = mine || request != "" || r.caller.Role != Operator
	grants, err := s.manager.Leases(r.Context(), r.pool())
	if err != nil {
		return nil, err
	}
	list := []*api.Lease{}
	for _, g := range grants {
		if !r.caller.sees(g.Lease.Pool) {
			continue
		}
		if mine && !r.caller.owns(g.Lease.Holder) || request != "" && g.Lease.Request != request {
			continue
		}
		list = append(list, api.NewLease(g))
	}
	return list, nil
}

func (s *Server) getLease(r *request) (any, error) {
	return api.NewLease(r.grant), nil
}

func (s *Server) renewLease(r *request) (any, error) {
	var body api.Renew
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return leaseAnswer(s.manager.Renew(r.Context(), r.grant.Lease.ID, body.TTL))
}

func (s *Server) releaseLease(r *request) (any, error) {
	id := r.grant.Lease.ID
	if query := r.URL.Query(); query.Has("reason") {
		return leaseAnswer(s.manager.Revoke(r.Context(), id, r.caller.Identity, query.Get("reason")))
	}
	return leaseAnswer(s.manager.Release(r.Context(), id, r.by()))
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
	return leaseAnswer(s.manager.Hold(r.Context(), r.grant.Lease.ID, h))
}

func (s *Server) endHold(r *request) (any, error) {
	return leaseAnswer(s.manager.EndHold(r.Context(), r.grant.Lease.ID))
}

func leaseAnswer(g pool.Grant, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return api.NewLease(g), nil
}

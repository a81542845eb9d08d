package server

import "github.com/lxd-pool/lxd-pool/pool"

func (s *Server) power(r *request) (any, error) {
	var body pool.PowerRequest
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	grant, err := s.manager.Power(ctx, r.grant.Lease.ID, body)
	return r.caller.answer(grant, orClosed(ctx, err))
}

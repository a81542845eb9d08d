package server

import (
	"github.com/lxd-pool/lxd-pool/pool"
)

// move moves the instance of a lease. A holder may move it within the cluster,
// where the owner of the pool left the place open. Where else is for operators:
// another LXD is reached as the owner.
func (s *Server) move(r *request) (any, error) {
	var to pool.Destination
	if err := r.decode(&to); err != nil {
		return nil, err
	}
	lease := r.grant.Lease
	if r.caller.Role != Operator {
		if err := s.mayMove(r, lease, to); err != nil {
			return nil, err
		}
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	grant, err := s.manager.Move(ctx, lease.ID, to)
	return r.caller.answer(grant, orClosed(ctx, err))
}

func (s *Server) mayMove(r *request, lease *pool.Lease, to pool.Destination) error {
	if to.Remote != "" {
		return pool.Errorf(pool.ErrForbidden, "ask an operator", "cannot move the instance of lease %s to another LXD: that is for operators", lease.ID)
	}
	of, err := s.manager.Pool(r.Context(), lease.Pool)
	if err == nil && of.Spec.Target != "" {
		err = pool.Errorf(pool.ErrForbidden, "ask an operator", "cannot move the instance of lease %s: its pool is kept on %s", lease.ID, of.Spec.Target)
	}
	return err
}

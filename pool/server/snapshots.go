package server

import (
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (s *Server) listSnapshots(r *request) (any, error) {
	return s.manager.Snapshots(r.Context(), r.grant.Lease.ID)
}

func (s *Server) createSnapshot(r *request) (any, error) {
	var body api.CreateSnapshot
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.manager.CreateSnapshot(r.Context(), r.grant.Lease.ID, body.Name)
}

func (s *Server) restoreSnapshot(r *request) (any, error) {
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	grant, err := s.manager.RestoreSnapshot(ctx, r.grant.Lease.ID, r.snapshot())
	return r.caller.answer(grant, orClosed(ctx, err))
}

func (s *Server) deleteSnapshot(r *request) (any, error) {
	return nil, s.manager.DeleteSnapshot(r.Context(), r.grant.Lease.ID, r.snapshot())
}

func (r *request) snapshot() pool.SnapshotName { return pool.SnapshotName(r.PathValue("snapshot")) }

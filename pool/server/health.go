package server

import (
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (s *Server) getVersion(r *request) (any, error) {
	return &api.Version{API: "1.0", Version: s.options.Version, Identity: r.caller.Identity, Role: string(r.caller.Role)}, nil
}

func (s *Server) getHealth(r *request) (any, error) {
	problems := s.manager.Health(r.Context())
	return &api.Health{Healthy: len(problems) == 0, Problems: append([]pool.Problem{}, problems...)}, nil
}

func (s *Server) getOpenAPI(r *request) error {
	r.w.Header().Set("Content-Type", "application/json")
	r.w.Write(api.OpenAPI)
	return nil
}

package server

import (
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (s *Server) getVersion(r *request) (any, error) {
	v := &api.Version{API: "1.0", Version: s.options.Version, Identity: r.caller.Identity, Role: string(r.caller.Role)}
	if s.options.Certificate != nil {
		v.Fingerprint = s.options.Certificate.Fingerprint()
	}
	return v, nil
}

func (s *Server) getHealth(r *request) (any, error) {
	problems := s.manager.Health(r.Context())
	return &api.Health{Healthy: len(problems) == 0, Problems: append([]pool.Problem{}, problems...)}, nil
}

func (s *Server) reload(r *request) (any, error) {
	if s.options.Reload == nil {
		return nil, pool.Errorf(pool.ErrUnsupported, "", "cannot read the configuration again: there is none")
	}
	later, err := s.options.Reload(r.Context())
	if err != nil {
		return nil, err
	}
	return &api.Reloaded{Restart: append([]string{}, later...)}, nil
}

func (s *Server) getOpenAPI(r *request) error {
	r.w.Header().Set("Content-Type", "application/json")
	r.w.Write(api.OpenAPI)
	return nil
}

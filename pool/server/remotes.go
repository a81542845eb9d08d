package server

import (
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (r *request) remote() pool.RemoteName { return pool.RemoteName(r.PathValue("remote")) }

func (s *Server) listRemotes(r *request) (any, error) {
	list, err := s.manager.Remotes(r.Context())
	if list == nil {
		list = []pool.Remote{}
	}
	return list, err
}

func (s *Server) addRemote(r *request) (any, error) {
	var body pool.NewRemote
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.manager.AddRemote(r.Context(), body)
}

func (s *Server) getRemote(r *request) (any, error) {
	return s.manager.Remote(r.Context(), r.remote())
}

func (s *Server) patchRemote(r *request) (any, error) {
	var body api.EditRemote
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	switch {
	case (body.Name == "") == (body.URL == ""):
		return nil, pool.Invalidf(`send {"name":"..."} or {"url":"..."}`, "cannot change remote %q: the body must have either a name or a URL", string(r.remote()))
	case body.Name != "":
		return s.manager.RenameRemote(r.Context(), r.remote(), body.Name)
	}
	return s.manager.SetRemoteURL(r.Context(), r.remote(), body.URL)
}

func (s *Server) removeRemote(r *request) (any, error) {
	return nil, s.manager.RemoveRemote(r.Context(), r.remote())
}

package server

import "github.com/lxd-pool/lxd-pool/pool/api"

func (s *Server) listProjects(r *request) (any, error) { return s.manager.Projects(r.Context()) }

func (s *Server) initProject(r *request) (any, error) {
	var body api.InitProject
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.manager.InitProject(r.Context(), body.Name, body.Limits)
}

func (s *Server) getProject(r *request) (any, error) {
	return s.manager.Project(r.Context(), r.PathValue("project"))
}

func (s *Server) deleteProject(r *request) (any, error) {
	return nil, s.manager.DeleteProject(r.Context(), r.PathValue("project"))
}

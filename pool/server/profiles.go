package server

import (
	"maps"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// project is the LXD project that a request is about, "" for the default one.
func (r *request) project() string { return r.URL.Query().Get("project") }

func (s *Server) listProfiles(r *request) (any, error) {
	all, err := s.manager.Profiles(r.Context(), r.project())
	if err != nil {
		return nil, err
	}
	list := make([]*api.Profile, len(all))
	for i, p := range all {
		list[i] = api.NewProfile(p)
	}
	return list, nil
}

func (s *Server) createProfile(r *request) (any, error) {
	var body pool.Profile
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return profileAnswer(s.manager.CreateProfile(r.Context(), r.project(), body))
}

func (s *Server) getProfile(r *request) (any, error) {
	return profileAnswer(s.manager.Profile(r.Context(), r.project(), r.PathValue("profile")))
}

// putProfile takes the content from the body; the name is that of the path.
func (s *Server) putProfile(r *request) (any, error) {
	var body pool.Profile
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	mark := r.Header.Get("If-Match")
	return s.editProfile(r, func(p *pool.Profile) error {
		if mark != "" && mark != "*" && mark != api.ProfileETag(p) {
			return pool.Errorf(pool.ErrChanged, "read it again and repeat the edit",
				"cannot replace profile %q: it was changed since it was read", p.Name)
		}
		p.Description, p.Config, p.Devices = body.Description, body.Config, body.Devices
		return nil
	})
}

func (s *Server) patchProfile(r *request) (any, error) {
	var body api.EditProfile
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.editProfile(r, func(p *pool.Profile) error {
		for _, key := range slices.Sorted(maps.Keys(body.Set)) {
			if err := p.Set(key, body.Set[key]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Server) editProfile(r *request, edit func(*pool.Profile) error) (any, error) {
	return profileAnswer(s.manager.EditProfile(r.Context(), r.project(), r.PathValue("profile"), edit))
}

func (s *Server) deleteProfile(r *request) (any, error) {
	return nil, s.manager.DeleteProfile(r.Context(), r.project(), r.PathValue("profile"))
}

// profileAnswer is what a verb about one profile answers.
func profileAnswer(p *pool.Profile, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return api.NewProfile(p), nil
}

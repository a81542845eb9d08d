package server

import (
	"context"
	"maps"
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (s *Server) listPools(r *request) (any, error) {
	all, err := s.manager.Pools(r.Context())
	if err != nil {
		return nil, err
	}
	list := []*api.Pool{}
	for _, status := range all {
		if r.caller.sees(status.Name) {
			list = append(list, r.show(status))
		}
	}
	return list, nil
}

func (s *Server) getPool(r *request) (any, error) {
	return r.poolAnswer(s.manager.Pool(r.Context(), r.pool()))
}

func (s *Server) createPool(r *request) (any, error) {
	var body api.CreatePool
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return r.poolAnswer(s.manager.CreatePool(r.Context(), body.Name, body.Spec))
}

func (s *Server) putPool(r *request) (any, error) {
	var body pool.Spec
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	mark := r.Header.Get("If-Match")
	return r.poolAnswer(s.manager.EditPool(r.Context(), r.pool(), func(spec *pool.Spec) error {
		if mark != "" && mark != "*" && mark != api.ETag(spec) {
			return pool.Errorf(pool.ErrChanged, "read it again and repeat the edit",
				"cannot replace the spec of pool %q: it was changed since it was read", r.pool())
		}
		*spec = body
		return nil
	}))
}

func (s *Server) patchPool(r *request) (any, error) {
	var body api.EditPool
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	if (body.Disabled != nil) == (len(body.Set) > 0) {
		return nil, pool.Invalidf(`send {"set":{"size":"20"}} or {"disabled":true}`,
			"cannot change pool %q: the body must either set keys or say whether it is disabled", r.pool())
	}
	if body.Disabled != nil {
		return s.setDisabled(r, *body.Disabled)
	}
	return r.poolAnswer(s.manager.EditPool(r.Context(), r.pool(), func(spec *pool.Spec) error {
		for _, key := range slices.Sorted(maps.Keys(body.Set)) {
			if err := spec.Set(key, body.Set[key]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (s *Server) setDisabled(r *request, disabled bool) (any, error) {
	change := s.manager.EnablePool
	if disabled {
		change = s.manager.DisablePool
	}
	if err := change(r.Context(), r.pool()); err != nil {
		return nil, err
	}
	return s.getPool(r)
}

func (s *Server) resetPool(r *request) (any, error) {
	return nil, s.manager.ResetPool(r.Context(), r.pool())
}

func (s *Server) refillPool(r *request) (any, error) {
	return nil, s.manager.RefillPool(r.Context(), r.pool())
}

func (s *Server) deletePool(r *request) (any, error) {
	force, err := r.flag("force")
	if err != nil {
		return nil, err
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	return nil, orClosed(ctx, s.manager.DeletePool(ctx, r.pool(), force, r.caller.Identity))
}

// poolAnswer is what a verb about one pool answers.
func (r *request) poolAnswer(status *pool.PoolStatus, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return r.show(status), nil
}

// show returns what the caller may see of a pool: config, devices and the
// set-up script may hold secrets, which are for operators.
func (r *request) show(status *pool.PoolStatus) *api.Pool {
	p := api.NewPool(status)
	if r.caller.Role != Operator {
		p.Spec.Config, p.Spec.Devices, p.Spec.Setup = nil, nil, ""
	}
	return p
}

// orClosed returns the cause for an err that came because the server shuts down.
func orClosed(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == errClosing {
		return errClosing
	}
	return err
}

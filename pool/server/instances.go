package server

import (
	"errors"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (s *Server) listInstances(r *request) (any, error) {
	names, err := s.poolsFor(r)
	if err != nil {
		return nil, err
	}
	list := []*api.Instance{}
	for _, name := range names {
		more, err := s.instancesOf(r, name)
		if errors.Is(err, pool.ErrNoPool) && len(names) > 1 {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// poolsFor returns the pool that the query names, or all.
func (s *Server) poolsFor(r *request) ([]pool.PoolName, error) {
	if name := r.URL.Query().Get("pool"); name != "" {
		return []pool.PoolName{pool.PoolName(name)}, nil
	}
	all, err := s.manager.Pools(r.Context())
	var names []pool.PoolName
	for _, status := range all {
		if r.caller.sees(status.Name) {
			names = append(names, status.Name)
		}
	}
	return names, err
}

// instancesOf returns the instances of a pool that the caller may see.
func (s *Server) instancesOf(r *request, name pool.PoolName) ([]*api.Instance, error) {
	all, err := s.manager.Instances(r.Context(), name)
	if err != nil {
		return nil, err
	}
	visible := func(*pool.Instance) bool { return true }
	if r.caller.Role != Operator {
		own, err := s.ownLeases(r, name)
		if err != nil {
			return nil, err
		}
		visible = func(in *pool.Instance) bool {
			return own[in.Lease] || in.Hold != nil && r.caller.owns(in.Hold.Holder)
		}
	}
	var list []*api.Instance
	for _, in := range all {
		if visible(in) {
			list = append(list, api.NewInstance(name, in))
		}
	}
	return list, nil
}

// ownLeases returns the caller's running leases of a pool; of all for "".
func (s *Server) ownLeases(r *request, name pool.PoolName) (map[pool.LeaseID]bool, error) {
	grants, err := s.manager.Leases(r.Context(), name)
	own := map[pool.LeaseID]bool{}
	for _, g := range grants {
		if r.caller.owns(g.Lease.Holder) {
			own[g.Lease.ID] = true
		}
	}
	return own, err
}

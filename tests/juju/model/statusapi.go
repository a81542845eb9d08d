package model

import (
	"github.com/juju/juju/core/status"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"

	apiservererrors "github.com/juju/juju/apiserver/errors"
)

func (s Status) result(id string) params.StatusResult {
	return params.StatusResult{Id: id, Life: "alive", Status: s.Status, Info: s.Message}
}

func (f *uniterFacade) UnitStatus(args params.Entities) (params.StatusResults, error) {
	return params.StatusResults{Results: each(args.Entities, func(params.Entity) params.StatusResult {
		return f.u.status.result(f.u.Name)
	})}, nil
}

func (f *uniterFacade) SetUnitStatus(args params.SetStatus) (params.ErrorResults, error) {
	for _, e := range args.Entities {
		f.u.status = Status{Status: e.Status, Message: e.Info}
	}
	return f.agreed(len(args.Entities))
}

func (f *uniterFacade) SetAgentStatus(args params.SetStatus) (params.ErrorResults, error) {
	for _, e := range args.Entities {
		f.u.agent = Status{Status: e.Status, Message: e.Info}
	}
	return f.agreed(len(args.Entities))
}

// ApplicationStatus is for the leader only. An application whose leader has
// set nothing has the worst status of its units.
func (f *uniterFacade) ApplicationStatus(args params.Entities) (params.ApplicationStatusResults, error) {
	return params.ApplicationStatusResults{Results: each(args.Entities, func(params.Entity) params.ApplicationStatusResult {
		if err := f.m.mustLead(f.u); err != nil {
			return params.ApplicationStatusResult{Error: apiservererrors.ServerError(err)}
		}
		result := params.ApplicationStatusResult{
			Application: f.u.app.status.result(f.u.app.Name), Units: map[string]params.StatusResult{},
		}
		var infos []status.StatusInfo
		for _, u := range f.m.unitsOf(f.u.app.Name) {
			result.Units[names.NewUnitTag(u.Name).String()] = u.status.result(u.Name)
			infos = append(infos, status.StatusInfo{Status: status.Status(u.status.Status), Message: u.status.Message})
		}
		if f.u.app.status.Status == status.Unset.String() {
			worst := status.DeriveStatus(infos)
			result.Application = Status{Status: worst.Status.String(), Message: worst.Message}.result(f.u.app.Name)
		}
		return result
	})}, nil
}

func (f *uniterFacade) SetApplicationStatus(args params.SetStatus) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Entities, func(e params.EntityStatusArgs) params.ErrorResult {
		if err := f.m.mustLead(f.u); err != nil {
			return errorResult(err)
		}
		f.u.app.status = Status{Status: e.Status, Message: e.Info}
		return params.ErrorResult{}
	})}, nil
}

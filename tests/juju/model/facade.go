package model

import (
	"maps"
	"strings"

	"github.com/juju/errors"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"

	apiservererrors "github.com/juju/juju/apiserver/errors"
)

// uniterFacade answers what an agent asks about its unit. Its methods have the
// names and types of Juju's facade Uniter in version 20; the comments there
// hold here. The controller's lock is held during each of them.
type uniterFacade struct {
	m *Model
	u *Unit
	c *caller
}

// known finds a unit that an agent still asks about.
func (m *Model) known(unit string) (*Unit, error) {
	if u := m.units[unit]; u != nil {
		return u, nil
	}
	return nil, &params.Error{Message: "unit " + unit + " not found", Code: params.CodeNotFound}
}

// each answers a request about several entities, one after the other.
func each[A, R any](args []A, one func(A) R) []R {
	results := make([]R, len(args))
	for i, arg := range args {
		results[i] = one(arg)
	}
	return results
}

func errorResult(err error) params.ErrorResult {
	return params.ErrorResult{Error: apiservererrors.ServerError(err)}
}

// own answers requests that are only ever about the agent's own unit.
func (f *uniterFacade) own(args params.Entities, value string) (params.StringResults, error) {
	return params.StringResults{Results: each(args.Entities, func(e params.Entity) params.StringResult {
		if e.Tag != f.u.tag().String() {
			return params.StringResult{Error: apiservererrors.ServerError(apiservererrors.ErrPerm)}
		}
		return params.StringResult{Result: value}
	})}, nil
}

func (f *uniterFacade) APIAddresses() (params.StringsResult, error) {
	return params.StringsResult{Result: []string{"10.0.0.1:17070"}}, nil
}

func (f *uniterFacade) SLALevel() (params.StringResult, error) { return params.StringResult{}, nil }

func (f *uniterFacade) CloudAPIVersion() (params.StringResult, error) {
	return params.StringResult{}, nil
}

func (f *uniterFacade) CurrentModel() (params.ModelResult, error) {
	return params.ModelResult{Name: f.m.name, UUID: f.m.uuid, Type: "iaas"}, nil
}

func (f *uniterFacade) ModelConfig() (params.ModelConfigResult, error) {
	return params.ModelConfigResult{Config: params.ModelConfig{
		"name": f.m.name, "uuid": f.m.uuid, "type": "manual",
	}}, nil
}

func (f *uniterFacade) AssignedMachine(args params.Entities) (params.StringResults, error) {
	return f.own(args, names.NewMachineTag(f.u.machine).String())
}

func (f *uniterFacade) AvailabilityZone(args params.Entities) (params.StringResults, error) {
	return f.own(args, "")
}

func (f *uniterFacade) PrivateAddress(args params.Entities) (params.StringResults, error) {
	return f.own(args, f.u.address)
}

func (f *uniterFacade) PublicAddress(args params.Entities) (params.StringResults, error) {
	return f.own(args, f.u.address)
}

func (f *uniterFacade) WorkloadVersion(args params.Entities) (params.StringResults, error) {
	return f.own(args, f.u.version)
}

func (f *uniterFacade) GetPrincipal(args params.Entities) (params.StringBoolResults, error) {
	return params.StringBoolResults{Results: make([]params.StringBoolResult, len(args.Entities))}, nil
}

func (f *uniterFacade) Refresh(args params.Entities) (params.UnitRefreshResults, error) {
	return params.UnitRefreshResults{Results: each(args.Entities, func(e params.Entity) params.UnitRefreshResult {
		u, err := f.m.entity(e.Tag)
		if err != nil {
			return params.UnitRefreshResult{Error: apiservererrors.ServerError(err)}
		}
		return params.UnitRefreshResult{Life: u.life}
	})}, nil
}

// entity finds the unit that a tag names.
func (m *Model) entity(tag string) (*Unit, error) {
	parsed, err := names.ParseUnitTag(tag)
	if err != nil {
		return nil, apiservererrors.ErrPerm
	}
	return m.known(parsed.Id())
}

func (f *uniterFacade) Life(args params.Entities) (params.LifeResults, error) {
	return params.LifeResults{Results: each(args.Entities, func(e params.Entity) params.LifeResult {
		tag, err := names.ParseTag(e.Tag)
		if err != nil {
			return params.LifeResult{Error: apiservererrors.ServerError(apiservererrors.ErrPerm)}
		}
		if u := f.m.units[tag.Id()]; u != nil {
			return params.LifeResult{Life: u.life}
		}
		if a := f.m.apps[tag.Id()]; a != nil {
			return params.LifeResult{Life: a.life}
		}
		return params.LifeResult{Error: apiservererrors.ServerError(errors.NotFoundf("%s", tag.Id()))}
	})}, nil
}

func (f *uniterFacade) EnsureDead(args params.Entities) (params.ErrorResults, error) {
	return f.agreed(len(args.Entities))
}

func (f *uniterFacade) DestroyAllSubordinates(args params.Entities) (params.ErrorResults, error) {
	return f.agreed(len(args.Entities))
}

func (f *uniterFacade) SetCharmURL(args params.EntitiesCharmURL) (params.ErrorResults, error) {
	return f.agreed(len(args.Entities))
}

// agreed answers requests that change nothing that the model keeps.
func (f *uniterFacade) agreed(n int) (params.ErrorResults, error) {
	return params.ErrorResults{Results: make([]params.ErrorResult, n)}, nil
}

func (f *uniterFacade) Watch(args params.Entities) (params.NotifyWatchResults, error) {
	return params.NotifyWatchResults{Results: each(args.Entities, func(params.Entity) params.NotifyWatchResult {
		return params.NotifyWatchResult{NotifyWatcherId: f.c.newWatch()}
	})}, nil
}

func (f *uniterFacade) State(args params.Entities) (params.UnitStateResults, error) {
	states := f.u.states
	states.CharmState = maps.Clone(states.CharmState)
	states.RelationState = maps.Clone(states.RelationState)
	return params.UnitStateResults{Results: []params.UnitStateResult{states}}, nil
}

func (f *uniterFacade) SetState(args params.SetUnitStateArgs) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Args, func(arg params.SetUnitStateArg) params.ErrorResult {
		if arg.Tag != f.u.tag().String() {
			return errorResult(apiservererrors.ErrPerm)
		}
		f.u.setState(arg)
		return params.ErrorResult{}
	})}, nil
}

func (u *Unit) setState(arg params.SetUnitStateArg) {
	if arg.CharmState != nil {
		u.states.CharmState = maps.Clone(*arg.CharmState)
	}
	if arg.UniterState != nil {
		u.states.UniterState = *arg.UniterState
	}
	if arg.RelationState != nil {
		u.states.RelationState = maps.Clone(*arg.RelationState)
	}
	if arg.StorageState != nil {
		u.states.StorageState = *arg.StorageState
	}
	if arg.SecretState != nil {
		u.states.SecretState = *arg.SecretState
	}
}

func (f *uniterFacade) ConfigSettings(args params.Entities) (params.ConfigSettingsResults, error) {
	return params.ConfigSettingsResults{Results: each(args.Entities, func(params.Entity) params.ConfigSettingsResult {
		return params.ConfigSettingsResult{Settings: params.ConfigSettings(f.u.app.settingsOf())}
	})}, nil
}

func (f *uniterFacade) SetWorkloadVersion(args params.EntityWorkloadVersions) (params.ErrorResults, error) {
	for _, e := range args.Entities {
		f.u.version = e.WorkloadVersion
		f.u.app.version = e.WorkloadVersion
	}
	return f.agreed(len(args.Entities))
}

func (f *uniterFacade) UnitStorageAttachments(args params.Entities) (params.StorageAttachmentIdsResults, error) {
	return params.StorageAttachmentIdsResults{
		Results: make([]params.StorageAttachmentIdsResult, len(args.Entities)),
	}, nil
}

// Read and Merge are of the old leader settings.
func (f *uniterFacade) Read(args params.Entities) (params.GetLeadershipSettingsBulkResults, error) {
	return params.GetLeadershipSettingsBulkResults{Results: each(args.Entities, func(params.Entity) params.GetLeadershipSettingsResult {
		return params.GetLeadershipSettingsResult{Settings: maps.Clone(f.u.app.settings)}
	})}, nil
}

func (f *uniterFacade) Merge(args params.MergeLeadershipSettingsBulkParams) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Params, func(arg params.MergeLeadershipSettingsParam) params.ErrorResult {
		if err := f.m.mustLead(f.u); err != nil {
			return errorResult(err)
		}
		b := bag{values: f.u.app.settings}
		b.write(arg.Settings)
		f.u.app.settled += int(b.version)
		f.m.changed()
		return params.ErrorResult{}
	})}, nil
}

func compare(a, b string) int { return strings.Compare(a, b) }

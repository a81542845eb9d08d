package model

import (
	"maps"

	"github.com/juju/charm/v12"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"

	apiservererrors "github.com/juju/juju/apiserver/errors"
)

// describe tells an agent about a relation of its application.
func (f *uniterFacade) describe(r *Relation) params.RelationResultV2 {
	if r == nil {
		return params.RelationResultV2{Error: apiservererrors.ServerError(apiservererrors.ErrPerm)}
	}
	own, other, ok := r.ends(f.u.app.Name)
	if !ok {
		return params.RelationResultV2{Error: apiservererrors.ServerError(apiservererrors.ErrPerm)}
	}
	return params.RelationResultV2{
		Id: r.ID, Key: r.Key, Life: r.life,
		Endpoint: params.Endpoint{ApplicationName: own.app, Relation: params.NewCharmRelation(own.Relation)},
		OtherApplication: params.RelatedApplicationDetails{
			ApplicationName: other.app, ModelUUID: f.m.uuid,
		},
	}
}

func (f *uniterFacade) Relation(args params.RelationUnits) (params.RelationResultsV2, error) {
	return params.RelationResultsV2{Results: each(args.RelationUnits, func(arg params.RelationUnit) params.RelationResultV2 {
		return f.describe(f.m.relationByTag(arg.Relation))
	})}, nil
}

func (f *uniterFacade) RelationById(args params.RelationIds) (params.RelationResultsV2, error) {
	return params.RelationResultsV2{Results: each(args.RelationIds, func(id int) params.RelationResultV2 {
		return f.describe(f.m.relations[id])
	})}, nil
}

func (f *uniterFacade) RelationsStatus(args params.Entities) (params.RelationUnitStatusResults, error) {
	return params.RelationUnitStatusResults{Results: each(args.Entities, func(params.Entity) params.RelationUnitStatusResult {
		var all []params.RelationUnitStatus
		for _, r := range f.m.relationsOf(f.u.app.Name) {
			if _, in := r.scope[f.u.Name]; in {
				all = append(all, params.RelationUnitStatus{RelationTag: r.tag().String(), InScope: true})
			}
		}
		return params.RelationUnitStatusResult{RelationResults: all}
	})}, nil
}

// ours finds the relation that an agent asks about for its own unit.
func (f *uniterFacade) ours(relation, unit string) (*Relation, error) {
	r := f.m.relationByTag(relation)
	if r == nil || unit != f.u.tag().String() {
		return nil, apiservererrors.ErrPerm
	}
	if _, _, ok := r.ends(f.u.app.Name); !ok {
		return nil, apiservererrors.ErrPerm
	}
	return r, nil
}

func (f *uniterFacade) EnterScope(args params.RelationUnits) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.RelationUnits, func(arg params.RelationUnit) params.ErrorResult {
		r, err := f.ours(arg.Relation, arg.Unit)
		if err != nil {
			return errorResult(err)
		}
		if r.life != "alive" || f.u.life != "alive" {
			if _, in := r.scope[f.u.Name]; !in {
				return params.ErrorResult{Error: &params.Error{
					Message: "cannot enter scope: unit or relation is not alive", Code: params.CodeCannotEnterScope,
				}}
			}
		}
		f.m.enter(r, f.u)
		return params.ErrorResult{}
	})}, nil
}

func (f *uniterFacade) LeaveScope(args params.RelationUnits) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.RelationUnits, func(arg params.RelationUnit) params.ErrorResult {
		r, err := f.ours(arg.Relation, arg.Unit)
		if err != nil {
			return errorResult(err)
		}
		f.m.leave(r, f.u.Name)
		return params.ErrorResult{}
	})}, nil
}

func settings(b *bag) params.SettingsResult {
	if b == nil {
		return params.SettingsResult{Error: &params.Error{Message: "settings not found", Code: params.CodeNotFound}}
	}
	return params.SettingsResult{Settings: maps.Clone(b.values)}
}

func refused(err error) params.SettingsResult {
	return params.SettingsResult{Error: apiservererrors.ServerError(err)}
}

// ReadSettings gives a unit what it has written itself.
func (f *uniterFacade) ReadSettings(args params.RelationUnits) (params.SettingsResults, error) {
	return params.SettingsResults{Results: each(args.RelationUnits, func(arg params.RelationUnit) params.SettingsResult {
		r, err := f.ours(arg.Relation, arg.Unit)
		if err != nil {
			return refused(err)
		}
		return settings(r.units[f.u.Name])
	})}, nil
}

// ReadLocalApplicationSettings gives what the own application has written: to
// its leader, and to all of its units between peers.
func (f *uniterFacade) ReadLocalApplicationSettings(arg params.RelationUnit) (params.SettingsResult, error) {
	r, err := f.ours(arg.Relation, arg.Unit)
	if err != nil {
		return params.SettingsResult{}, err
	}
	own, _, _ := r.ends(f.u.app.Name)
	if own.Role != charm.RolePeer && f.m.mustLead(f.u) != nil {
		return params.SettingsResult{}, apiservererrors.ServerError(apiservererrors.ErrPerm)
	}
	return settings(r.apps[f.u.app.Name]), nil
}

// ReadRemoteSettings gives what units and the application on the other side
// have written, also units that are not there any more.
func (f *uniterFacade) ReadRemoteSettings(args params.RelationUnitPairs) (params.SettingsResults, error) {
	return params.SettingsResults{Results: each(args.RelationUnitPairs, func(arg params.RelationUnitPair) params.SettingsResult {
		r, err := f.ours(arg.Relation, arg.LocalUnit)
		if err != nil {
			return refused(err)
		}
		_, other, _ := r.ends(f.u.app.Name)
		tag, err := names.ParseTag(arg.RemoteUnit)
		if err != nil {
			return refused(apiservererrors.ErrPerm)
		}
		switch tag.Kind() {
		case names.ApplicationTagKind:
			if tag.Id() != other.app {
				return refused(apiservererrors.ErrPerm)
			}
			return settings(r.apps[tag.Id()])
		case names.UnitTagKind:
			app, err := names.UnitApplication(tag.Id())
			if err != nil || app != other.app || tag.Id() == f.u.Name {
				return refused(apiservererrors.ErrPerm)
			}
			return settings(r.units[tag.Id()])
		}
		return refused(apiservererrors.ErrPerm)
	})}, nil
}

func (f *uniterFacade) SetRelationStatus(args params.RelationStatusArgs) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Args, func(params.RelationStatusArg) params.ErrorResult {
		return errorResult(f.m.mustLead(f.u))
	})}, nil
}

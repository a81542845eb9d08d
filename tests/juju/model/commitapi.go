package model

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/juju/errors"
	"github.com/juju/juju/core/network"
	"github.com/juju/juju/rpc/params"

	apiservererrors "github.com/juju/juju/apiserver/errors"
)

// CommitHookChanges takes over what a hook has left when it succeeded.
func (f *uniterFacade) CommitHookChanges(args params.CommitHookChangesArgs) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Args, func(arg params.CommitHookChangesArg) params.ErrorResult {
		return errorResult(f.commit(arg))
	})}, nil
}

// commit does as Juju does, also where that is a pity: secrets come first and
// each for itself, so that they stay when what follows fails. All the rest is
// taken over together or not at all.
func (f *uniterFacade) commit(arg params.CommitHookChangesArg) error {
	if arg.Tag != f.u.tag().String() {
		return apiservererrors.ErrPerm
	}
	for _, s := range arg.RelationUnitSettings {
		if _, err := f.ours(s.Relation, s.Unit); err != nil {
			return err
		}
	}
	if len(arg.AddStorage) > 0 || arg.SetPodSpec != nil || arg.SetRawK8sSpec != nil {
		return errors.NotSupportedf("storage and pod specs")
	}
	if err := f.commitSecrets(arg); err != nil {
		return err
	}
	for _, s := range arg.RelationUnitSettings {
		if len(s.ApplicationSettings) == 0 {
			continue
		}
		if err := f.m.mustLead(f.u); err != nil {
			return errors.Annotate(err, "prerequisites failed")
		}
	}
	if s := arg.SetUnitState; s != nil && s.CharmState != nil {
		if err := smallEnough(*s.CharmState); err != nil {
			return err
		}
	}
	f.commitRest(arg)
	f.m.changed()
	return nil
}

// maxCharmState is how much a unit may keep with state-set.
const maxCharmState = 2 << 20

func smallEnough(state map[string]string) error {
	size := 0
	for key, value := range state {
		size += len(key) + len(value)
	}
	if size > maxCharmState {
		return errors.QuotaLimitExceededf("max allowed size (%d) exceeded", maxCharmState)
	}
	return nil
}

func (f *uniterFacade) commitRest(arg params.CommitHookChangesArg) {
	for _, s := range arg.RelationUnitSettings {
		r := f.m.relationByTag(s.Relation)
		if b := r.units[f.u.Name]; b != nil {
			b.write(s.Settings)
		}
		r.apps[f.u.app.Name].write(s.ApplicationSettings)
	}
	opened, closed := network.GroupedPortRanges{}, network.GroupedPortRanges{}
	for _, p := range arg.OpenPorts {
		opened[p.Endpoint] = append(opened[p.Endpoint], portRange(p))
	}
	for _, p := range arg.ClosePorts {
		closed[p.Endpoint] = append(closed[p.Endpoint], portRange(p))
	}
	f.u.ports.MergePendingOpenPortRanges(opened)
	f.u.ports.MergePendingClosePortRanges(closed)
	if arg.SetUnitState != nil {
		f.u.setState(*arg.SetUnitState)
	}
}

func portRange(p params.EntityPortRange) network.PortRange {
	return network.PortRange{FromPort: p.FromPort, ToPort: p.ToPort, Protocol: p.Protocol}
}

func (f *uniterFacade) commitSecrets(arg params.CommitHookChangesArg) error {
	// Juju sends them in any order; their ids say in which they were made.
	slices.SortFunc(arg.SecretCreates, func(a, b params.CreateSecretArg) int { return strings.Compare(*a.URI, *b.URI) })
	steps := []struct {
		what string
		run  func() []error
	}{
		{"creating secrets", func() []error {
			return each(arg.SecretCreates, func(a params.CreateSecretArg) error { return f.m.createSecret(f.u, a) })
		}},
		{"updating secrets", func() []error {
			return each(arg.SecretUpdates, func(a params.UpdateSecretArg) error { return f.m.updateSecret(f.u, a) })
		}},
		{"updating secret tracked revisions", func() []error {
			return each(arg.TrackLatest, func(id string) error {
				s, err := f.m.secret(id)
				if err == nil {
					_, err = f.m.track(f.u, s, true, false, nil)
				}
				return err
			})
		}},
		{"granting secrets access", func() []error {
			return each(arg.SecretGrants, func(a params.GrantRevokeSecretArg) error { return f.m.grantSecret(f.u, a) })
		}},
		{"revoking secrets access", func() []error {
			return each(arg.SecretRevokes, func(a params.GrantRevokeSecretArg) error { return f.m.revokeSecret(f.u, a) })
		}},
		{"removing secrets", func() []error {
			return each(arg.SecretDeletes, func(a params.DeleteSecretArg) error {
				err := f.m.removeSecret(f.u, a)
				if errors.Is(err, errors.NotFound) {
					return nil
				}
				return err
			})
		}},
	}
	for _, step := range steps {
		var failed []string
		for _, err := range step.run() {
			if err != nil {
				failed = append(failed, err.Error())
			}
		}
		if len(failed) > 0 {
			return fmt.Errorf("%s: %s", step.what, strings.Join(failed, "\n"))
		}
	}
	return nil
}

func (f *uniterFacade) OpenedMachinePortRangesByEndpoint(args params.Entities) (params.OpenPortRangesByEndpointResults, error) {
	return params.OpenPortRangesByEndpointResults{Results: each(args.Entities, func(params.Entity) params.OpenPortRangesByEndpointResult {
		var all []params.OpenUnitPortRangesByEndpoint
		for endpoint, ranges := range f.u.ports {
			one := params.OpenUnitPortRangesByEndpoint{Endpoint: endpoint}
			for _, r := range ranges {
				one.PortRanges = append(one.PortRanges, params.FromNetworkPortRange(r))
			}
			all = append(all, one)
		}
		return params.OpenPortRangesByEndpointResult{
			UnitPortRanges: map[string][]params.OpenUnitPortRangesByEndpoint{f.u.tag().String(): all},
		}
	})}, nil
}

// NetworkInfo says for each endpoint that the unit's machine has one address.
func (f *uniterFacade) NetworkInfo(args params.NetworkInfoParams) (params.NetworkInfoResults, error) {
	results := params.NetworkInfoResults{Results: map[string]params.NetworkInfoResult{}}
	meta := f.u.app.charm.Meta()
	for _, endpoint := range args.Endpoints {
		_, provides := meta.Provides[endpoint]
		_, requires := meta.Requires[endpoint]
		_, peers := meta.Peers[endpoint]
		_, extra := meta.ExtraBindings[endpoint]
		if !provides && !requires && !peers && !extra && endpoint != "juju-info" {
			results.Results[endpoint] = params.NetworkInfoResult{Error: apiservererrors.ServerError(
				errors.NotValidf("undefined for unit charm: endpoint %q", endpoint))}
			continue
		}
		results.Results[endpoint] = params.NetworkInfoResult{
			Info: []params.NetworkInfo{{
				InterfaceName: "eth0",
				Addresses:     []params.InterfaceAddress{{Address: f.u.address, CIDR: f.u.address + "/32"}},
			}},
			EgressSubnets:    []string{f.u.address + "/32"},
			IngressAddresses: []string{f.u.address},
		}
	}
	return results, nil
}

// GoalStates says what is there, which is also what is to be.
func (f *uniterFacade) GoalStates(args params.Entities) (params.GoalStateResults, error) {
	return params.GoalStateResults{Results: each(args.Entities, func(params.Entity) params.GoalStateResult {
		goal := &params.GoalState{Units: f.goalUnits(f.u.app.Name), Relations: map[string]params.UnitsGoalState{}}
		for _, r := range f.m.relationsOf(f.u.app.Name) {
			own, other, _ := r.ends(f.u.app.Name)
			if len(r.endpoints) == 1 {
				continue
			}
			state := goal.Relations[own.Name]
			if state == nil {
				state = params.UnitsGoalState{}
				goal.Relations[own.Name] = state
			}
			state[other.app] = goalStatus("joined")
			for unit, s := range f.goalUnits(other.app) {
				state[unit] = s
			}
		}
		return params.GoalStateResult{Result: goal}
	})}, nil
}

func (f *uniterFacade) goalUnits(app string) params.UnitsGoalState {
	units := params.UnitsGoalState{}
	for _, u := range f.m.unitsOf(app) {
		units[u.Name] = goalStatus(u.status.Status)
		if u.life == "dying" {
			units[u.Name] = goalStatus("dying")
		}
	}
	return units
}

// goalStatus is one since the beginning of time: the model has no clock.
func goalStatus(status string) params.GoalStateStatus {
	return params.GoalStateStatus{Status: status, Since: &beginning}
}

var beginning = time.Unix(0, 0).UTC()

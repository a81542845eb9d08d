package model

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"

	jujuerrors "github.com/juju/errors"
	apiservererrors "github.com/juju/juju/apiserver/errors"
)

// action is one that was asked for.
type action struct {
	id      string
	unit    string
	name    string
	params  map[string]any
	status  string
	results map[string]any
	message string
	log     []string
}

// RunAction asks a unit for an action, has its agent work until the action has
// ended, and returns what it gave. failure is why it failed, and "" if it did
// not; err is why it could not even be asked for.
func (m *Model) RunAction(unit, name string, with map[string]any) (results map[string]any, failure string, err error) {
	m.t.Helper()
	act, err := m.enqueue(unit, name, with)
	if err != nil {
		return nil, "", err
	}
	for range m.opts.Bound {
		if act.ended() {
			return act.results, act.failure(), nil
		}
		a, err := m.agentOf(unit)
		if err != nil {
			return nil, "", err
		}
		if happened := a.step(); happened == idle && !act.ended() {
			return nil, "", fmt.Errorf("cannot run the action %s on %s: its agent does not take it", name, unit)
		}
	}
	return nil, "", fmt.Errorf("cannot run the action %s on %s: it does not end", name, unit)
}

// enqueue checks what is asked as Juju's controller does, and puts it before
// the unit.
func (m *Model) enqueue(unit, name string, with map[string]any) (*action, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.unit(unit)
	spec, ok := u.app.charm.Actions().ActionSpecs[name]
	if !ok {
		return nil, fmt.Errorf("action %q not defined on unit %q", name, unit)
	}
	if with == nil {
		with = map[string]any{}
	}
	if err := spec.ValidateParams(with); err != nil {
		return nil, err
	}
	with, err := spec.InsertDefaults(with)
	if err != nil {
		return nil, err
	}
	act := &action{id: uuid.NewString(), unit: unit, name: name, params: with, status: params.ActionPending}
	m.actions[act.id] = act
	u.actions = append(u.actions, act.id)
	m.changed()
	return act, nil
}

func (a *action) ended() bool {
	switch a.status {
	case params.ActionCompleted, params.ActionFailed, params.ActionAborted, params.ActionCancelled:
		return true
	}
	return false
}

func (a *action) failure() string {
	if a.status == params.ActionCompleted {
		return ""
	}
	if a.message == "" {
		return a.status
	}
	return a.message
}

// action finds one of the agent's own unit by its tag.
func (f *uniterFacade) action(tag string) (*action, error) {
	parsed, err := names.ParseActionTag(tag)
	if err != nil {
		return nil, apiservererrors.ErrPerm
	}
	act := f.m.actions[parsed.Id()]
	if act == nil || act.unit != f.u.Name {
		return nil, jujuerrors.NotFoundf("action %q", parsed.Id())
	}
	return act, nil
}

func (f *uniterFacade) Actions(args params.Entities) (params.ActionResults, error) {
	return params.ActionResults{Results: each(args.Entities, func(e params.Entity) params.ActionResult {
		act, err := f.action(e.Tag)
		if err == nil && act.ended() {
			err = apiservererrors.ErrActionNotAvailable
		}
		if err != nil {
			return params.ActionResult{Error: apiservererrors.ServerError(err)}
		}
		return params.ActionResult{Status: act.status, Action: &params.Action{
			Tag: e.Tag, Receiver: f.u.tag().String(), Name: act.name, Parameters: act.params,
		}}
	})}, nil
}

func (f *uniterFacade) ActionStatus(args params.Entities) (params.StringResults, error) {
	return params.StringResults{Results: each(args.Entities, func(e params.Entity) params.StringResult {
		act, err := f.action(e.Tag)
		if err != nil {
			return params.StringResult{Error: apiservererrors.ServerError(err)}
		}
		return params.StringResult{Result: act.status}
	})}, nil
}

func (f *uniterFacade) BeginActions(args params.Entities) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Entities, func(e params.Entity) params.ErrorResult {
		act, err := f.action(e.Tag)
		if err == nil && act.status != params.ActionPending {
			err = errors.New("it has begun already")
		}
		if err != nil {
			return errorResult(err)
		}
		act.status = params.ActionRunning
		return params.ErrorResult{}
	})}, nil
}

func (f *uniterFacade) FinishActions(args params.ActionExecutionResults) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Results, func(r params.ActionExecutionResult) params.ErrorResult {
		act, err := f.action(r.ActionTag)
		if err != nil {
			return errorResult(err)
		}
		if act.ended() {
			return errorResult(jujuerrors.AlreadyExistsf("action %v already completed", act.id))
		}
		act.status, act.results, act.message = r.Status, r.Results, r.Message
		for i, id := range f.u.actions {
			if id == act.id {
				f.u.actions = append(f.u.actions[:i:i], f.u.actions[i+1:]...)
				break
			}
		}
		return params.ErrorResult{}
	})}, nil
}

func (f *uniterFacade) LogActionsMessages(args params.ActionMessageParams) (params.ErrorResults, error) {
	return params.ErrorResults{Results: each(args.Messages, func(e params.EntityString) params.ErrorResult {
		act, err := f.action(e.Tag)
		if err != nil {
			return errorResult(err)
		}
		act.log = append(act.log, e.Value)
		return params.ErrorResult{}
	})}, nil
}

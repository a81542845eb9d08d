package model

import (
	"errors"
	"os/exec"
	"sync"
	"time"

	"github.com/juju/juju/internal/worker/uniter/runner"
	"github.com/juju/juju/internal/worker/uniter/runner/context"
)

// run is one hook or action while it runs, and what became of it.
type run struct {
	Hook
	fault fault

	mu      sync.Mutex // tools may be called while the program starts
	process context.HookProcess
	tools   int  // hook tool calls so far
	hit     bool // the fault has come about
	timer   *time.Timer
}

// started is called with the program of the hook. A fault by the clock begins
// to count.
func (r *run) started(p context.HookProcess) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process = p
	if r.fault.kind == kill && r.fault.after > 0 {
		r.timer = time.AfterFunc(r.fault.after, r.strike)
	}
}

// called counts a call of a hook tool.
func (r *run) called() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tools++
	if r.fault.kind == kill && r.tools == r.fault.tool {
		go r.strike()
	}
}

// strike ends the program of the hook.
func (r *run) strike() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil {
		r.hit = r.process.Kill() == nil
	}
}

// over is called when the hook has ended. A fault that did not come about is
// none.
func (r *run) over(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
	}
	r.process = nil
	r.Failure = failure(err)
	if r.fault.kind == kill && err == nil {
		r.hit = false
	}
	if r.hit {
		r.Fault = r.fault.kind.String()
	}
}

func (r *run) happened() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hit = true
}

func (r *run) disturbed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hit
}

// newRunner makes Juju's own runner, with a context that we can disturb.
func (a *agent) newRunner(ctx context.Context, paths context.Paths, remote runner.ExecFunc, opts ...runner.Option) runner.Runner {
	h := &hookContext{Context: ctx, a: a}
	return &hookRunner{Runner: runner.NewRunner(h, paths, remote, opts...), ctx: h}
}

// hookRunner notes what is run and how it ended.
type hookRunner struct {
	runner.Runner
	ctx *hookContext
}

// RunHook runs a hook. When it is to come twice, all has been taken over, but
// the agent is told that it was ended before it could write that down.
func (r *hookRunner) RunHook(name string) (runner.HookHandlerType, error) {
	now := r.ctx.begin(name)
	now.fault = r.ctx.a.m.draw(r.ctx.a.unit)
	handler, err := r.Runner.RunHook(name)
	if err == nil && now.fault.kind == twice {
		now.happened()
		r.ctx.end(nil)
		return handler, runner.ErrTerminated
	}
	r.ctx.end(err)
	return handler, err
}

// RunAction runs an action; nothing disturbs it.
func (r *hookRunner) RunAction(name string) (runner.HookHandlerType, error) {
	r.ctx.begin("action " + name)
	handler, err := r.Runner.RunAction(name)
	r.ctx.end(err)
	return handler, err
}

// hookContext is Juju's own context of a hook. It adds the environment that
// the unit is given, counts calls of hook tools, and brings the faults.
type hookContext struct {
	context.Context
	a *agent
}

func (h *hookContext) begin(name string) *run {
	now := &run{Hook: Hook{Unit: h.a.unit, Name: name}}
	if r, err := h.HookRelation(); err == nil {
		now.Relation = r.FakeId()
		if remote, err := h.RemoteUnitName(); err == nil {
			now.Remote = remote
		} else if remote, err := h.RemoteApplicationName(); err == nil {
			now.Remote = remote
		}
	}
	h.a.ran = now
	h.a.m.record.begin(now, h.Context.Id())
	return now
}

func (h *hookContext) end(err error) {
	now := h.a.ran
	now.over(err)
	h.a.m.mu.Lock()
	if u := h.a.m.units[h.a.unit]; u != nil {
		now.Status = u.status
	}
	h.a.m.changed()
	h.a.m.mu.Unlock()
	h.a.m.record.end(now)
}

// failure says in a few words why a hook failed.
func failure(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &exit):
		return exit.String()
	}
	return err.Error()
}

// HookVars adds what the unit's machine has to the environment of a hook.
func (h *hookContext) HookVars(paths context.Paths, remote bool, env context.Environmenter) ([]string, error) {
	vars, err := h.Context.HookVars(paths, remote, env)
	if err != nil {
		return nil, err
	}
	h.a.m.mu.Lock()
	app := h.a.m.units[h.a.unit].app
	h.a.m.mu.Unlock()
	if app.env != nil {
		vars = append(vars, app.env(h.a.unit)...)
	}
	for _, v := range vars {
		if len(v) > 20 && v[:20] == "JUJU_DEPARTING_UNIT=" {
			h.a.ran.Departing = v[20:]
		}
	}
	return vars, nil
}

// SetProcess is called when the program of the hook has started.
func (h *hookContext) SetProcess(p context.HookProcess) {
	h.Context.SetProcess(p)
	h.a.ran.started(p)
}

// Id is asked for by each call of a hook tool.
func (h *hookContext) Id() string {
	h.a.ran.called()
	return h.Context.Id()
}

// errLost is what an agent is told whose controller did not answer.
var errLost = errors.New("cannot apply changes: the connection to the controller is lost (a fault of the model)")

// Flush takes over what a hook has left.
func (h *hookContext) Flush(process string, err error) error {
	now := h.a.ran
	if err == nil {
		switch now.fault.kind {
		case lose:
			now.happened()
			return errLost
		case depose:
			if h.a.m.depose(h.a.unit) {
				now.happened()
			}
		}
	}
	return h.Context.Flush(process, err)
}

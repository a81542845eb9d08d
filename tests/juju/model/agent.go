package model

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/juju/charm/v12/hooks"
	"github.com/juju/clock"
	"github.com/juju/errors"
	"github.com/juju/juju/api/agent/uniter"
	"github.com/juju/juju/core/leadership"
	"github.com/juju/juju/core/model"
	"github.com/juju/juju/core/status"
	"github.com/juju/juju/internal/worker/fortress"
	"github.com/juju/juju/internal/worker/uniter/actions"
	"github.com/juju/juju/internal/worker/uniter/hook"
	uniterleadership "github.com/juju/juju/internal/worker/uniter/leadership"
	"github.com/juju/juju/internal/worker/uniter/operation"
	"github.com/juju/juju/internal/worker/uniter/reboot"
	"github.com/juju/juju/internal/worker/uniter/relation"
	"github.com/juju/juju/internal/worker/uniter/remotestate"
	"github.com/juju/juju/internal/worker/uniter/resolver"
	"github.com/juju/juju/internal/worker/uniter/runner"
	"github.com/juju/juju/internal/worker/uniter/runner/context"
	"github.com/juju/juju/internal/worker/uniter/secrets"
	"github.com/juju/juju/juju/sockets"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/loggo"
	"github.com/juju/names/v5"

	jujuuniter "github.com/juju/juju/internal/worker/uniter"
	jujusecrets "github.com/juju/juju/secrets"
)

// agent is the unit agent of one unit, put together from Juju's own parts as
// Juju's uniter does it. It runs in a goroutine of its own, which is only ever
// awake between step and what step returns.
type agent struct {
	m    *Model
	unit string
	dir  string

	resume  chan struct{}
	yield   chan happening
	abort   chan struct{}
	changes chan struct{}

	log       loggo.Logger
	st        *uniter.State
	api       *uniter.Unit
	relations relation.RelationStateTracker
	secrets   secrets.SecretStateTracker
	executor  operation.Executor
	factory   operation.Factory
	secretAPI *secretAPI

	// What a watcher of Juju counts, and begins again with each new watcher.
	retries  int
	statuses int
	expired  []string
	removed  map[string][]int

	rebooted  bool
	idleAt    int // the version of the model at which there was nothing to do
	wantRetry bool
	ran       *run // the hook that has just run, if one has
	failures  int  // of the same hook, one after the other
}

// happening is why an agent went to sleep.
type happening int

const (
	idle    happening = iota // there is nothing to do for it
	stepped                  // it has run one hook
	ended                    // its unit is gone, or it failed for good
)

// agentOf returns the agent of a unit, and starts it if it does not run.
func (m *Model) agentOf(unit string) (*agent, error) {
	m.mu.Lock()
	u, a := m.units[unit], m.agents[unit]
	m.mu.Unlock()
	switch {
	case u == nil:
		return nil, fmt.Errorf("cannot find the unit %s: there is none", unit)
	case u.killed:
		return nil, fmt.Errorf("cannot go on with %s: its agent is dead", unit)
	case a != nil:
		return a, nil
	}
	a, err := m.startAgent(unit, false)
	if err != nil {
		return nil, fmt.Errorf("cannot start the agent of %s: %w", unit, err)
	}
	return a, nil
}

// Reboot restarts the machine of a unit: its agent starts again, and the charm
// gets start once more.
func (m *Model) Reboot(unit string) {
	m.t.Helper()
	m.restart(unit, true)
}

// RestartAgent ends the agent of a unit and starts another one, as after an
// upgrade of Juju. The charm gets no hook for that.
func (m *Model) RestartAgent(unit string) {
	m.t.Helper()
	m.restart(unit, false)
}

// restart ends the agent of a unit and starts another one, which knows what
// the old one has written down.
func (m *Model) restart(unit string, rebooted bool) {
	m.t.Helper()
	m.mu.Lock()
	a := m.agents[unit]
	delete(m.agents, unit)
	m.mu.Unlock()
	if a != nil {
		a.end()
	}
	if _, err := m.startAgent(unit, rebooted); err != nil {
		m.fatal("restart the agent of %s: %v", unit, err)
	}
}

func (m *Model) startAgent(unit string, rebooted bool) (*agent, error) {
	tag := names.NewUnitTag(unit)
	a := &agent{
		m: m, unit: unit, dir: filepath.Join(m.dir, tag.String()), rebooted: rebooted, idleAt: -1,
		resume: make(chan struct{}), yield: make(chan happening),
		abort: make(chan struct{}), changes: make(chan struct{}, 1),
		removed: map[string][]int{},
	}
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return nil, err
	}
	a.log = m.record.logger(unit)
	if err := a.assemble(tag); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.agents[unit] = a
	m.mu.Unlock()
	go a.life()
	return a, nil
}

// assemble does what Juju's Uniter.init does.
func (a *agent) assemble(tag names.UnitTag) error {
	c := newCaller(a.m, a.unit)
	a.st = uniter.NewState(c, tag)
	api, err := a.st.Unit(tag)
	if err != nil {
		return err
	}
	a.api = api
	a.secretAPI = &secretAPI{m: a.m, unit: a.unit}
	lead := &tracker{m: a.m, unit: a.unit}
	a.relations, err = relation.NewRelationStateTracker(relation.RelationStateTrackerConfig{
		State: a.st, Unit: api, Tracker: lead, CharmDir: a.GetCharmDir(),
		NewLeadershipContext: context.NewLeadershipContext, Abort: a.abort, Logger: a.log.Child("relation"),
	})
	if err != nil {
		return err
	}
	a.secrets, err = secrets.NewSecrets(a.secretAPI, tag, api, a.log.Child("secrets"))
	if err != nil {
		return err
	}
	resources, err := uniter.NewResourcesFacadeClient(c, tag)
	if err != nil {
		return err
	}
	contexts, err := context.NewContextFactory(context.FactoryConfig{
		State: a.st, SecretsClient: a.secretAPI, Unit: api, Resources: resources,
		SecretsBackendGetter: func() (jujusecrets.BackendsClient, error) { return a.secretAPI, nil },
		Payloads:             uniter.NewPayloadFacadeClient(c), Tracker: lead,
		GetRelationInfos: a.relations.GetInfo, Paths: a, Clock: clock.WallClock, Logger: a.log.Child("context"),
	})
	if err != nil {
		return err
	}
	runners, err := runner.NewFactory(a, contexts, a.newRunner, nil)
	if err != nil {
		return err
	}
	a.factory = operation.NewFactory(operation.FactoryParams{
		Deployer: &deployer{a}, RunnerFactory: runners, Callbacks: &callbacks{a}, State: a.st,
		Abort: a.abort, Logger: a.log.Child("operation"),
	})
	executor, err := operation.NewExecutor(a.unit, operation.ExecutorConfig{
		StateReadWriter: api,
		InitialState:    operation.State{Kind: operation.Install, Step: operation.Queued, CharmURL: a.charmURL()},
		AcquireLock:     func(string, string) (func(), error) { return func() {}, nil },
		Logger:          a.log.Child("operation"),
	})
	if err != nil {
		return err
	}
	a.executor = &pausing{Executor: executor, a: a}
	return nil
}

func (a *agent) charmURL() string {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	return a.m.units[a.unit].app.url()
}

// resolvers decides, as in Juju, what a unit is to do next.
func (a *agent) resolvers() resolver.Resolver {
	none := resolver.ResolverFunc(func(resolver.LocalState, remotestate.Snapshot, operation.Factory) (operation.Operation, error) {
		return nil, resolver.ErrNoOperation
	})
	return jujuuniter.NewUniterResolver(jujuuniter.ResolverConfig{
		ModelType:           model.IAAS,
		ClearResolved:       func() error { return nil },
		ReportHookError:     a.reportHookError,
		ShouldRetryHooks:    true,
		StartRetryHookTimer: func() { a.wantRetry = true },
		StopRetryHookTimer:  func() { a.wantRetry = false },
		VerifyCharmProfile:  none,
		UpgradeSeries:       none,
		Reboot:              reboot.NewResolver(a.log.Child("reboot"), a.rebooted),
		Leadership:          uniterleadership.NewResolver(a.log.Child("leadership")),
		Actions:             actions.NewResolver(a.log.Child("actions")),
		CreatedRelations:    a.oneRelation(relation.NewCreatedRelationResolver(a.relations, a.log.Child("relation"))),
		Relations:           a.oneRelation(relation.NewRelationResolver(a.relations, a.api, a.log.Child("relation"))),
		Storage:             none,
		Commands:            none,
		Secrets: a.oneSecret(secrets.NewSecretsResolver(a.log.Child("secrets"), a.secrets,
			func(string) {}, a.expireCompleted, a.removeCompleted)),
		Logger: a.log,
	})
}

// reportHookError shows a failed hook as the status of the unit.
func (a *agent) reportHookError(hi hook.Info) error {
	return a.api.SetAgentStatus(status.Error, fmt.Sprintf("hook failed: %q", string(hi.Kind)), nil)
}

// life is the loop of Juju's uniter.
func (a *agent) life() {
	defer close(a.yield)
	if !a.sleep() {
		return
	}
	url, modified, err := a.install()
	if err != nil {
		a.fail(err)
		return
	}
	decide := a.resolvers()
	local := resolver.LocalState{CharmURL: url, CharmModifiedVersion: modified, UpgradeMachineStatus: model.UpgradeSeriesNotStarted}
	for {
		err := resolver.Loop(resolver.LoopConfig{
			Resolver: decide, Watcher: a, Executor: a.executor, Factory: a.factory, Abort: a.abort,
			OnIdle: a.onIdle, CharmDirGuard: guard{}, CharmDir: a.GetCharmDir(), Logger: a.log.Child("resolver"),
		}, &local)
		switch {
		case errors.Is(err, resolver.ErrLoopAborted), errors.Is(err, errAborted):
			return
		case errors.Is(err, operation.ErrHookFailed):
		case errors.Is(err, runner.ErrTerminated):
			local.HookWasShutdown = true
		case errors.Is(err, resolver.ErrRestart):
			a.retries, a.statuses = 0, 0
			decide = a.resolvers()
			local = resolver.LocalState{
				CharmURL: local.CharmURL, CharmModifiedVersion: local.CharmModifiedVersion,
				UpgradeMachineStatus: model.UpgradeSeriesNotStarted,
			}
		case errors.Is(err, resolver.ErrUnitDead):
			a.dead()
			return
		default:
			a.fail(err)
			return
		}
	}
}

// install puts the charm into its place if this has not been done.
func (a *agent) install() (url string, modified int, err error) {
	if state := a.executor.State(); state.Kind == operation.Install {
		op, err := a.factory.NewInstall(state.CharmURL)
		if err != nil {
			return "", 0, err
		}
		if err := a.executor.Run(op, nil); err != nil {
			return "", 0, err
		}
	}
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	u, err := a.m.known(a.unit)
	if err != nil {
		return "", 0, err
	}
	return u.app.url(), u.app.modified, nil
}

// dead is the end of a unit that left in good order.
func (a *agent) dead() {
	a.m.mu.Lock()
	delete(a.m.agents, a.unit)
	if u := a.m.units[a.unit]; u != nil {
		a.m.gone(u)
	}
	a.m.mu.Unlock()
	a.m.record.note(a.unit, "is gone")
	a.yield <- ended
}

// fail is the end of an agent that cannot go on, which is a fault of the model.
func (a *agent) fail(err error) {
	a.m.record.broken(fmt.Errorf("the agent of %s failed: %w", a.unit, err))
	a.m.mu.Lock()
	delete(a.m.agents, a.unit)
	a.m.mu.Unlock()
	a.yield <- ended
}

// errAborted ends the loop of an agent that is to end.
var errAborted = errors.ConstError("the agent is to end")

// sleep waits until the agent is to go on. It is false if it is to end.
func (a *agent) sleep() bool {
	select {
	case <-a.resume:
		return true
	case <-a.abort:
		return false
	}
}

// pause says what has happened, and sleeps.
func (a *agent) pause(what happening) error {
	a.yield <- what
	if !a.sleep() {
		return errAborted
	}
	return nil
}

// step wakes an agent until it has run one hook, or has nothing to do.
func (a *agent) step() happening {
	select {
	case a.changes <- struct{}{}:
	default:
	}
	a.resume <- struct{}{}
	what, ok := <-a.yield
	if !ok {
		return ended
	}
	return what
}

// end ends an agent that sleeps.
func (a *agent) end() {
	select {
	case <-a.abort:
	default:
		close(a.abort)
	}
	for range a.yield { // until it has ended
	}
}

func (a *agent) onIdle() error {
	if a.executor.State().Kind == operation.Continue {
		if err := a.api.SetAgentStatus(status.Idle, "", nil); err != nil && !params.IsCodeNotFound(err) {
			return err
		}
	}
	return a.pause(idle)
}

// pausing has an agent sleep after each hook.
type pausing struct {
	operation.Executor
	a *agent
}

// Run runs an operation, and sleeps if a hook was run in it.
func (p *pausing) Run(op operation.Operation, changes <-chan remotestate.Snapshot) error {
	p.a.ran = nil
	err := p.Executor.Run(op, changes)
	if p.a.ran == nil {
		return err
	}
	if stop := p.a.pause(stepped); stop != nil {
		return stop
	}
	return err
}

// Paths of the agent, as Juju's contexts ask for them.

func (a *agent) GetToolsDir() string        { return a.m.opts.Tools }
func (a *agent) GetBaseDir() string         { return a.dir }
func (a *agent) GetCharmDir() string        { return filepath.Join(a.dir, "charm") }
func (a *agent) GetMetricsSpoolDir() string { return filepath.Join(a.dir, "metrics") }
func (a *agent) GetResourcesDir() string    { return filepath.Join(a.dir, "resources") }

func (a *agent) GetJujucServerSocket(bool) sockets.Socket {
	return sockets.Socket{Network: "unix", Address: filepath.Join(a.dir, "agent.socket")}
}

func (a *agent) GetJujucClientSocket(remote bool) sockets.Socket {
	return a.GetJujucServerSocket(remote)
}

// guard lets everybody at the charm's files.
type guard struct{}

func (guard) Unlock() error                 { return nil }
func (guard) Lockdown(fortress.Abort) error { return nil }

// tracker knows who leads.
type tracker struct {
	m    *Model
	unit string
}

func (t *tracker) ApplicationName() string {
	app, _ := names.UnitApplication(t.unit)
	return app
}

func (t *tracker) ClaimDuration() time.Duration { return 30 * time.Second }

func (t *tracker) ClaimLeader() leadership.Ticket {
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	u := t.m.units[t.unit]
	return ticket(u != nil && u.app.leader == t.unit)
}

func (t *tracker) WaitLeader() leadership.Ticket { return ticket(false) }
func (t *tracker) WaitMinion() leadership.Ticket { return ticket(false) }

// ticket is an answer that is known at once.
type ticket bool

func (t ticket) Wait() bool { return bool(t) }

func (t ticket) Ready() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

// callbacks are what operations ask of the agent.
type callbacks struct{ a *agent }

func (c *callbacks) PrepareHook(hi hook.Info) (string, error) {
	switch {
	case hi.Kind.IsRelation():
		return c.a.relations.PrepareHook(hi)
	case hi.Kind.IsSecret():
		if err := c.a.secrets.PrepareHook(hi); err != nil {
			return "", err
		}
	}
	return string(hi.Kind), nil
}

func (c *callbacks) CommitHook(hi hook.Info) error {
	switch {
	case hi.Kind.IsRelation():
		return c.a.relations.CommitHook(hi)
	case hi.Kind.IsSecret():
		return c.a.secrets.CommitHook(hi)
	case hi.Kind == hooks.Start:
		c.a.rebooted = false
	}
	return nil
}

func (c *callbacks) SetExecutingStatus(message string) error {
	return c.a.api.SetAgentStatus(status.Executing, message, nil)
}

func (c *callbacks) NotifyHookCompleted(string, context.Context) {}
func (c *callbacks) NotifyHookFailed(string, context.Context)    {}

func (c *callbacks) FailAction(id, message string) error {
	err := c.a.st.ActionFinish(names.NewActionTag(id), params.ActionFailed, nil, message)
	if params.IsCodeNotFoundOrCodeUnauthorized(err) || params.IsCodeAlreadyExists(err) {
		return nil
	}
	return err
}

func (c *callbacks) ActionStatus(id string) (string, error) {
	return c.a.st.ActionStatus(names.NewActionTag(id))
}

func (c *callbacks) SetCurrentCharm(url string) error { return c.a.api.SetCharmURL(url) }

func (c *callbacks) SetUpgradeSeriesStatus(model.UpgradeSeriesStatus, string) error { return nil }

func (c *callbacks) SetSecretRotated(uri string, old int) error {
	return c.a.secretAPI.SecretRotated(uri, old)
}

func (c *callbacks) SecretsRemoved(deleted, obsolete map[string][]int) error {
	return c.a.secrets.SecretsRemoved(deleted, obsolete)
}

func (c *callbacks) RemoteInit(remotestate.ContainerRunningStatus, <-chan struct{}) error { return nil }

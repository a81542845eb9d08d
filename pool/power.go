package pool

import (
	"context"
	"time"
)

// Switch is a power that a [Backend] may have: to stop and start an instance
// for its holder.
type Switch interface {
	// Switch nil: the instance does what r asks for, and one that was started is
	// usable (addresses, probe). It says where the instance is now, the zero
	// Place if that is not known; with an error too, since an instance may run
	// and not be usable. One that does already what is asked is left as it is.
	// [ErrNotRunning]: it cannot be paused or resumed, since it is stopped.
	Switch(ctx context.Context, o Order, r PowerRequest) (Place, error)
}

// PowerRequest is what a holder wants its instance to do.
type PowerRequest struct {
	Action PowerAction `json:"action"`
	// Force stops it without asking the system in it to shut down.
	Force bool `json:"force,omitempty"`
	// Timeout is how long that system may take to shut down, at most
	// [MaxPowerTimeout]. 0: [DefaultPowerTimeout].
	Timeout Duration `json:"timeout,omitempty"`
}

// PowerAction is what can be asked of an instance.
type PowerAction string

// The actions. Start also resumes an instance that is paused; Restart starts
// one that is stopped.
const (
	PowerStop    PowerAction = "stop"
	PowerStart   PowerAction = "start"
	PowerRestart PowerAction = "restart"
	PowerPause   PowerAction = "pause"
	PowerResume  PowerAction = "resume"
)

// powerActions says what became of an instance by each.
var powerActions = map[PowerAction]string{
	PowerStop: "was stopped", PowerStart: "was started", PowerRestart: "was restarted",
	PowerPause: "was paused", PowerResume: "was resumed",
}

// How long a system may take to shut down.
const (
	DefaultPowerTimeout = Duration(30 * time.Second)
	MaxPowerTimeout     = Duration(10 * time.Minute)
)

// stops reports whether the action makes a running instance shut down.
func (a PowerAction) stops() bool { return a == PowerStop || a == PowerRestart }

func (r PowerRequest) validate() error {
	switch {
	case powerActions[r.Action] == "":
		return Invalidf("use stop, start, restart, pause or resume", "cannot %q an instance: there is no such action", string(r.Action))
	case (r.Force || r.Timeout != 0) && !r.Action.stops():
		return Invalidf("", "cannot %s an instance by force or with a timeout: these are for stop and restart", r.Action)
	case r.Force && r.Timeout != 0:
		return Invalidf("", "cannot %s an instance by force and with a timeout: force does not wait", r.Action)
	case r.Timeout != 0 && (r.Timeout < Duration(time.Second) || r.Timeout > MaxPowerTimeout):
		return Invalidf("", "cannot use timeout=%s: it must be from 1s to %s", r.Timeout, MaxPowerTimeout)
	}
	return nil
}

// Power stops, starts, restarts, pauses or resumes the instance of a running
// lease. The lease goes on whatever the instance does; it ends at its own time,
// and the instance is cleaned as ever. The answer has the addresses that the
// instance has now.
func (m *Manager) Power(ctx context.Context, id LeaseID, r PowerRequest) (Grant, error) {
	if err := r.validate(); err != nil {
		return Grant{}, err
	}
	if r.Action.stops() && r.Timeout == 0 {
		r.Timeout = DefaultPowerTimeout
	}
	return actAlone(ctx, m, id, string(r.Action)+" an instance", func(ctx context.Context, power Switch, s *session) (Grant, error) {
		now, err := power.Switch(ctx, s.order, r)
		return m.changed(ctx, s, powerActions[r.Action], now, err)
	})
}

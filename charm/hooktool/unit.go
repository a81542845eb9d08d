package hooktool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Status is a word of status-set.
type Status string

// The statuses that a charm may set, the worst first.
const (
	Blocked     Status = "blocked"     // somebody has to act; the message says how
	Maintenance Status = "maintenance" // the charm is at work
	Waiting     Status = "waiting"     // for somebody else, by itself
	Active      Status = "active"
)

// SetStatus tells the state of this unit, at once.
func (t Tools) SetStatus(ctx context.Context, s Status, message string) error {
	return t.do(ctx, "status-set", string(s), message)
}

// SetApplicationStatus tells the state of the application. Only the leader may.
func (t Tools) SetApplicationStatus(ctx context.Context, s Status, message string) error {
	return t.do(ctx, "status-set", "--application", string(s), message)
}

// Config reads the options into v. Those that are neither set nor have a
// default are absent.
func (t Tools) Config(ctx context.Context, v any) error {
	out, err := t.run(ctx, nil, "config-get", "--format=json")
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("cannot understand what config-get says: %w", err)
	}
	return nil
}

// IsLeader reports whether this unit leads, which then holds for half a minute.
func (t Tools) IsLeader(ctx context.Context) (bool, error) { return read[bool](ctx, t, "is-leader") }

// SetVersion tells which version of the workload runs, at once.
func (t Tools) SetVersion(ctx context.Context, version string) error {
	return t.do(ctx, "application-version-set", version)
}

// Log writes a line into the log of the unit, at once.
func (t Tools) Log(ctx context.Context, level, message string) error {
	return t.do(ctx, "juju-log", "-l", level, "--", message)
}

// Resource returns the path of an attached resource, "" when there is none.
func (t Tools) Resource(ctx context.Context, name string) string {
	path, err := t.text(ctx, "resource-get", name)
	if err != nil {
		return ""
	}
	return path
}

// State reads a value of this unit that Juju keeps, "" when there is none.
func (t Tools) State(ctx context.Context, key string) (string, error) {
	all, err := read[map[string]string](ctx, t, "state-get")
	return all[key], err
}

// SetState keeps a value of this unit.
func (t Tools) SetState(ctx context.Context, key, value string) error {
	text, err := json.Marshal(map[string]string{key: value})
	if err != nil {
		return err
	}
	_, err = t.run(ctx, text, "state-set", "--file", "-")
	return err
}

// Siblings returns the units of this application that are there or to come,
// this one among them, each with its status.
func (t Tools) Siblings(ctx context.Context) (map[string]string, error) {
	type unit struct {
		Status string `json:"status"`
	}
	goal, err := read[struct {
		Units map[string]unit `json:"units"`
	}](ctx, t, "goal-state")
	all := map[string]string{}
	for name, u := range goal.Units {
		all[name] = u.Status
	}
	return all, err
}

package hooktool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
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

// Goal is who is there or to come, whether this unit has met them or not.
type Goal struct {
	// Units are those of this application, this one among them. Those that are
	// going are not among them.
	Units map[string]bool
	// Remote are the units at the other end, by endpoint.
	Remote map[string]map[string]bool
}

// Goal returns who is there or to come.
func (t Tools) Goal(ctx context.Context) (Goal, error) {
	type status struct {
		Status string `json:"status"`
	}
	said, err := read[struct {
		Units     map[string]status            `json:"units"`
		Relations map[string]map[string]status `json:"relations"`
	}](ctx, t, "goal-state")
	there := func(all map[string]status) map[string]bool {
		units := map[string]bool{}
		for name, s := range all {
			if strings.Contains(name, "/") && s.Status != "dying" {
				units[name] = true
			}
		}
		return units
	}
	g := Goal{Units: there(said.Units), Remote: map[string]map[string]bool{}}
	for endpoint, all := range said.Relations {
		g.Remote[endpoint] = there(all)
	}
	return g, err
}

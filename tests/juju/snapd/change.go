package snapd

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// refusal is an error as snapd tells it.
type refusal struct {
	Message string `json:"message"`
	Kind    string `json:"kind,omitempty"`
	Value   any    `json:"value,omitempty"`

	status int
}

func (r *refusal) Error() string { return r.Message }

// change is what snapd does in the background.
type change struct {
	id   string
	kind string
	snap string
	err  error
	done chan struct{}
}

func (c *change) ready() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *change) status() string {
	switch {
	case !c.ready():
		return "Doing"
	case c.err != nil:
		return "Error"
	}
	return "Done"
}

// end is called once, with the lock held.
func (c *change) end(err error) {
	c.err = err
	close(c.done)
}

// begin notes a change. The caller holds mu.
func (m *Machine) begin(kind, name string) *change {
	c := &change{id: strconv.Itoa(len(m.changes) + 1), kind: kind, snap: name, done: make(chan struct{})}
	m.changes = append(m.changes, c)
	return c
}

// conflict is what snapd says when a snap is being changed already. The caller
// holds mu.
func (m *Machine) conflict(name string) *refusal {
	for _, c := range m.changes {
		if c.snap == name && !c.ready() {
			return &refusal{
				Message: fmt.Sprintf("snap %q has %q change in progress", name, c.kind), Kind: "snap-change-conflict",
				Value: map[string]string{"snap-name": name, "change-kind": c.kind}, status: http.StatusConflict,
			}
		}
	}
	return nil
}

// soon is how long an answer waits for its change: what is done by then is
// already done when it is first looked at.
const soon = 50 * time.Millisecond

// background does something to a snap, whatever becomes of the one who asked,
// and answers with the change that it is.
func (m *Machine) background(w http.ResponseWriter, kind, name string, do func() error) {
	m.mu.Lock()
	if r := m.conflict(name); r != nil {
		m.mu.Unlock()
		refuse(w, r)
		return
	}
	c := m.begin(kind, name)
	if why, ok := m.spoil[name]; ok {
		delete(m.spoil, name)
		do = func() error { return failedTask(why) }
	}
	m.mu.Unlock()
	go func() {
		err := do()
		m.mu.Lock()
		defer m.mu.Unlock()
		c.end(err)
	}()
	select {
	case <-c.done:
	case <-time.After(soon):
	}
	reply(w, http.StatusAccepted, map[string]any{"type": "async", "result": nil, "change": c.id})
}

// failedTask is how snapd words the failure of a change.
func failedTask(what string) error {
	return errors.New("cannot perform the following tasks:\n- " + what)
}

func (m *Machine) getChange(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || n < 1 || n > len(m.changes) {
		refuse(w, &refusal{Message: fmt.Sprintf("cannot find change with id %q", r.PathValue("id")), status: http.StatusNotFound})
		return
	}
	c := m.changes[n-1]
	summary := fmt.Sprintf("%s of %q snap", c.kind, c.snap)
	result := map[string]any{
		"id": c.id, "kind": c.kind, "summary": summary, "status": c.status(), "ready": c.ready(),
		"tasks": []map[string]any{{
			"id": c.id, "kind": c.kind, "summary": summary, "status": c.status(),
			"progress": map[string]any{"label": "", "done": 1, "total": 1},
		}},
	}
	if c.ready() && c.err != nil {
		result["err"] = c.err.Error()
	}
	answerNow(w, result)
}

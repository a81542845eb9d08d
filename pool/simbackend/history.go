package simbackend

import (
	"fmt"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Entry is one thing that happened to an instance.
type Entry struct {
	At       time.Time
	Verb     Verb
	Instance pool.InstanceName
	// What is "began", "done", or why it failed.
	What string
}

func (e Entry) String() string {
	return fmt.Sprintf("%s %s %s: %s", e.At.Format("15:04:05.000"), e.Verb, e.Instance, e.What)
}

// history remembers the latest entries.
type history struct {
	limit   int
	next    int
	entries []Entry
}

func (h *history) add(v Verb, name pool.InstanceName, what string) {
	e := Entry{time.Now(), v, name, what}
	if len(h.entries) < h.limit {
		h.entries = append(h.entries, e)
		return
	}
	h.entries[h.next] = e
	h.next = (h.next + 1) % h.limit
}

func (h *history) note(v Verb, name pool.InstanceName, err error) {
	what := "done"
	if err != nil {
		what = err.Error()
	}
	h.add(v, name, what)
}

// History returns what is remembered of one instance, oldest first; of all for "".
func (b *Backend) History(name pool.InstanceName) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &b.history
	var found []Entry
	for i := range h.entries {
		e := h.entries[(h.next+i)%len(h.entries)]
		if name == "" || e.Instance == name {
			found = append(found, e)
		}
	}
	return found
}

// Overlaps counts the calls that began while another caller was still at the
// same instance. Check and Exec change nothing and do not count.
func (b *Backend) Overlaps() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overlaps
}

// Violations says what was done that the contract forbids: overlapping calls,
// a start of what was never confirmed, a name used twice.
func (b *Backend) Violations() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.violations...)
}

// maxViolations bounds what is remembered of an engine that runs wild.
const maxViolations = 1000

func (b *Backend) accuse(format string, args ...any) {
	if len(b.violations) < maxViolations {
		b.violations = append(b.violations, fmt.Sprintf(format, args...))
	}
}

package model

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/juju/loggo"
)

// Hook is one hook or action that was run.
type Hook struct {
	Unit      string
	Name      string // as "lease-relation-changed", or "action list-leases"
	Relation  string // as "lease:3"
	Remote    string // unit, or application if no unit is concerned
	Departing string
	Failure   string // "" if it succeeded and was taken over
	Fault     string // what disturbed it, as "killed"
	Status    Status // of the unit, afterwards
	Log       []string
}

// String is one line.
func (h Hook) String() string {
	words := []string{h.Unit, h.Name}
	for _, word := range []string{h.Relation, h.Remote} {
		if word != "" {
			words = append(words, word)
		}
	}
	if h.Departing != "" {
		words = append(words, "departing="+h.Departing)
	}
	if h.Fault != "" {
		words = append(words, "("+h.Fault+")")
	}
	if h.Failure != "" {
		words = append(words, "FAILED "+h.Failure)
	} else {
		words = append(words, "ok")
	}
	return strings.Join(append(words, "["+h.Status.String()+"]"), " ")
}

// record is what has happened in a model.
type record struct {
	mu    sync.Mutex
	lines []line
	argv  [][]string
	now   map[string]*Hook // by unit
	ids   []string
	err   error
}

// line is a hook, or a note about a unit.
type line struct {
	hook *Hook
	note string
}

func (l line) String() string {
	if l.hook == nil {
		return l.note
	}
	text := l.hook.String()
	if l.hook.Failure != "" {
		for _, log := range l.hook.Log {
			text += "\n    " + log
		}
	}
	return text
}

func newRecord() *record { return &record{now: map[string]*Hook{}} }

// close ends listening for calls of hook tools.
func (r *record) close() {
	for _, id := range r.ids {
		listeners.Delete(id)
	}
}

func (r *record) begin(now *run, id string) {
	listeners.Store(id, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, id)
	r.now[now.Unit] = &now.Hook
}

func (r *record) end(now *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.now, now.Unit)
	hook := now.Hook
	r.lines = append(r.lines, line{hook: &hook})
}

func (r *record) note(unit, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line{note: unit + " " + what})
}

// broken remembers that the model itself failed.
func (r *record) broken(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

func (r *record) fault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

func (r *record) last(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var texts []string
	for _, l := range r.lines[max(0, len(r.lines)-n):] {
		texts = append(texts, l.String())
	}
	return texts
}

// Transcript is what has happened, a line for each hook; of those that failed
// also what they logged.
func (m *Model) Transcript() string { return strings.Join(m.record.last(1<<30), "\n") }

// Hooks are the hooks and actions that were run, in order.
func (m *Model) Hooks() []Hook {
	m.record.mu.Lock()
	defer m.record.mu.Unlock()
	var all []Hook
	for _, l := range m.record.lines {
		if l.hook != nil {
			all = append(all, *l.hook)
		}
	}
	return all
}

// Argv are the argument lists of all calls of hook tools, the name of the tool
// first. Whoever may list processes on a machine can read them.
func (m *Model) Argv() [][]string {
	m.record.mu.Lock()
	defer m.record.mu.Unlock()
	return slices.Clone(m.record.argv)
}

// logger is where an agent and its hooks log to: what hooks print and what
// they say with juju-log is kept with the hook, and what goes wrong in the
// agent itself too.
func (r *record) logger(unit string) loggo.Logger {
	ctx := loggo.NewContext(loggo.WARNING)
	ctx.GetLogger("unit").SetLogLevel(loggo.DEBUG)
	_ = ctx.AddWriter("record", writer(func(e loggo.Entry) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if hook := r.now[unit]; hook != nil {
			module := e.Module[strings.LastIndex(e.Module, ".")+1:]
			hook.Log = append(hook.Log, fmt.Sprintf("%s %s: %s", e.Level, module, e.Message))
		}
	}))
	return ctx.GetLogger("juju.worker.uniter")
}

type writer func(loggo.Entry)

func (w writer) Write(e loggo.Entry) { w(e) }

// Juju's hook tool server logs the arguments of each call, and then for which
// hook it is, on the logger of the whole process. listeners says which record
// that belongs to.
var listeners, calls sync.Map

func init() {
	_, _ = loggo.ReplaceDefaultWriter(writer(hear))
	loggo.GetLogger("jujuc").SetLogLevel(loggo.TRACE)
}

// hear notes a call of a hook tool. The two entries about one call are written
// by one goroutine, one after the other.
func hear(e loggo.Entry) {
	text, ok := strings.CutPrefix(e.Message, "running hook tool ")
	if e.Module != "jujuc" || !ok {
		return
	}
	tool, err := strconv.QuotedPrefix(text)
	if err != nil {
		return
	}
	rest := text[len(tool):]
	if id, ok := strings.CutPrefix(rest, " for "); ok {
		args, _ := calls.LoadAndDelete(goroutine())
		if r, ok := listeners.Load(id); ok && args != nil {
			r.(*record).called(args.([]string))
		}
		return
	}
	if name, err := strconv.Unquote(tool); err == nil {
		calls.Store(goroutine(), append([]string{name}, unquoteList(rest)...))
	}
}

// unquoteList reads what %q makes of a list of strings.
func unquoteList(text string) []string {
	var list []string
	for text = strings.Trim(text, " []"); text != ""; text = strings.TrimPrefix(text, " ") {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return append(list, text)
		}
		one, _ := strconv.Unquote(quoted)
		list = append(list, one)
		text = text[len(quoted):]
	}
	return list
}

// goroutine names the goroutine that calls it.
func goroutine() string {
	var buf [64]byte
	name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf[:], false)]), "[")
	return name
}

func (r *record) called(args []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.argv = append(r.argv, args)
}

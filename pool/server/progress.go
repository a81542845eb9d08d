package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

const (
	// progressEvery is how often the same stage is told about at most.
	progressEvery = 100 * time.Millisecond
	// progressTime is how long a caller may take to read a line. Then it is told
	// no more until the end, so that the work does not wait for it.
	progressTime = 5 * time.Second
)

// teller writes an answer line by line while the work goes on.
type teller struct {
	w http.ResponseWriter

	mu    sync.Mutex
	begun bool
	deaf  bool
	last  time.Time
	stage string
}

// wantsProgress reports whether the caller of a route asked to be told how far it is.
func wantsProgress(route *api.Route, r *request) bool {
	return route.Progress && strings.Contains(r.Header.Get("Accept"), api.ProgressType)
}

// withProgress has the verb of r tell how far it is.
func withProgress(r *request) *teller {
	t := &teller{w: r.w}
	r.Request = r.WithContext(pool.WithProgress(r.Context(), t.tell))
	return t
}

func (t *teller) tell(p pool.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.deaf || p.Stage == t.stage && now.Sub(t.last) < progressEvery {
		return
	}
	t.stage, t.last = p.Stage, now
	t.line(api.ProgressLine{Progress: &p})
}

// end writes the last line, and reports whether it was for it to write: when
// nothing was told before, the answer is one as always.
func (t *teller) end(answer any, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun {
		return false
	}
	last := api.ProgressLine{Result: json.RawMessage("null")}
	if err != nil {
		last = api.ProgressLine{Problem: api.NewProblem(err)}
	} else if text, err := json.Marshal(answer); err == nil {
		last.Result = text
	}
	t.line(last)
	return true
}

func (t *teller) line(line api.ProgressLine) {
	control := http.NewResponseController(t.w)
	if !t.begun {
		t.begun = true
		t.w.Header().Set("Content-Type", api.ProgressType)
		t.w.Header().Set("Cache-Control", "no-store")
		t.w.WriteHeader(http.StatusOK)
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err) // the wire's types are plain data
	}
	control.SetWriteDeadline(time.Now().Add(progressTime))
	if _, err = t.w.Write(append(text, '\n')); err == nil {
		err = control.Flush()
	}
	t.deaf = err != nil
	control.SetWriteDeadline(time.Time{})
}

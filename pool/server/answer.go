package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// reply writes the answer of a verb.
func (s *Server) reply(r *request, route *api.Route, answer any) {
	status := max(route.Status, http.StatusOK)
	switch answer := answer.(type) {
	case *api.Pool:
		r.w.Header().Set("ETag", answer.ETag)
	case *api.Profile:
		r.w.Header().Set("ETag", answer.ETag)
	case *api.Health:
		if !answer.Healthy {
			status = http.StatusServiceUnavailable
		}
	}
	write(r.w, status, "application/json", answer) // the caller may have left
}

// wrong is an error of the request as HTTP, with a status of its own.
type wrong struct {
	status int
	error
}

func (e wrong) Unwrap() error { return e.error }

// statusLeft stands in the log for a caller who left before the answer.
const statusLeft = 499

// errAnswered is returned by a stream that has failed and said so.
var errAnswered = errors.New("already answered")

// fail tells the caller what went wrong.
func (s *Server) fail(r *request, err error) {
	if err == errAnswered {
		return
	}
	if context.Cause(r.Context()) == pool.ErrTokenEnded {
		err = wrong{http.StatusUnauthorized, pool.ErrTokenEnded}
	} else if r.Context().Err() != nil {
		r.w.WriteHeader(statusLeft)
		return
	}
	p := api.NewProblem(err)
	if e, ok := errors.AsType[wrong](err); ok {
		p.Status = e.status
	}
	if p.Status == http.StatusInternalServerError {
		s.log.Error("a request failed for a reason of our own", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	write(r.w, p.Status, api.ProblemType, p) // the caller may have left
}

// write writes a whole answer and sends it off. With status 204 there is no body.
func write(w http.ResponseWriter, status int, kind string, body any) error {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return http.NewResponseController(w).Flush()
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // the wire's types are plain data
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store") // tokens
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	// identity is that of the named token that was shown, "" without one.
	identity pool.Identity
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(text []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(text)
}

// Unwrap lets [http.ResponseController] find what the writer below can do.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// mute drops an answer, but not its header fields.
type mute struct{ http.ResponseWriter }

func (mute) WriteHeader(int)                {}
func (mute) Write(text []byte) (int, error) { return len(text), nil }

package api

import (
	"errors"
	"net/http"

	"github.com/lxd-pool/lxd-pool/pool"
)

// ProblemType is the content type of every answer that tells of an error.
const ProblemType = "application/problem+json"

// Problem is how an error travels.
type Problem struct {
	// Status repeats the status of the answer.
	Status int `json:"status"`
	// Code is a stable word for the kind of error; programs act on it.
	Code string `json:"code"`
	// Title is the kind in words, Detail what could not be done and why.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Next is the next step to take.
	Next string `json:"next,omitempty"`
}

// NewProblem returns how err travels. The status is that of its kind.
func NewProblem(err error) *Problem {
	code := pool.Code(err)
	p := &Problem{Status: StatusOf(err), Code: code, Title: pool.KindOf(code).Error(), Detail: err.Error()}
	if e, ok := errors.AsType[*pool.Error](err); ok {
		p.Detail, p.Next = e.Text, e.Next
	}
	return p
}

// Err returns the error that arrived: the same errors.Is holds as where it left.
func (p *Problem) Err() error {
	return &pool.Error{Kind: pool.KindOf(p.Code), Text: p.Detail, Next: p.Next}
}

// statuses gives every kind its HTTP status; a kind that is not here is the
// daemon's fault.
var statuses = []struct {
	kind   error
	status int
}{
	{pool.ErrInvalid, http.StatusBadRequest},
	{pool.ErrNoPool, http.StatusNotFound},
	{pool.ErrNoLease, http.StatusNotFound},
	{pool.ErrNoInstance, http.StatusNotFound},
	{pool.ErrPoolExists, http.StatusConflict},
	{pool.ErrNotFound, http.StatusNotFound},
	{pool.ErrExists, http.StatusConflict},
	{pool.ErrInUse, http.StatusConflict},
	{pool.ErrLeaseEnded, http.StatusGone},
	{pool.ErrForbidden, http.StatusForbidden},
	{pool.ErrChanged, http.StatusPreconditionFailed},
	{pool.ErrKept, http.StatusConflict},
	{pool.ErrDisabled, http.StatusConflict},
	{pool.ErrDoomed, http.StatusConflict},
	{pool.ErrExhausted, http.StatusServiceUnavailable},
	{pool.ErrTooMany, http.StatusUnprocessableEntity},
	{pool.ErrLeased, http.StatusConflict},
	{pool.ErrHoldLimit, http.StatusConflict},
	{pool.ErrNotRunning, http.StatusConflict},
	{pool.ErrLimit, http.StatusConflict},
	{pool.ErrUnavailable, http.StatusBadGateway},
	{pool.ErrRejected, http.StatusUnprocessableEntity},
	{pool.ErrGone, http.StatusGone},
	{pool.ErrFailed, http.StatusBadGateway},
	{pool.ErrUnsupported, http.StatusNotImplemented},
	{pool.ErrLocked, http.StatusConflict},
	{pool.ErrCorrupt, http.StatusInternalServerError},
	{pool.ErrClosed, http.StatusServiceUnavailable},
	{pool.ErrUnreachable, http.StatusBadGateway},
	{pool.ErrInternal, http.StatusInternalServerError},
}

// StatusOf returns the HTTP status for err.
func StatusOf(err error) int {
	kind := pool.KindOf(pool.Code(err))
	for _, s := range statuses {
		if s.kind == kind {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

package lxdbackend

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// awayError says that LXD gave no answer, so that the outcome is unknown.
type awayError struct{ cause error }

// Error leaves out the address that was asked for, which tells an operator nothing.
func (e *awayError) Error() string {
	cause := e.cause
	if asked := (*url.Error)(nil); errors.As(cause, &asked) {
		cause = asked.Err
	}
	return "LXD does not answer: " + cause.Error()
}

func (e *awayError) Unwrap() error { return e.cause }

// unreached is a failure to connect, with what helps against it.
type unreached struct {
	error
	next string
}

func (e *unreached) Unwrap() error { return e.error }

// operationError is the failure of an operation in LXD's own words. It has no
// code: what it means is found out by looking at the instance.
type operationError struct{ text string }

func (e *operationError) Error() string { return e.text }

// errLost says that LXD forgot an operation, as it does when it restarts:
// the outcome is unknown.
var errLost = errors.New("LXD was restarted and forgot the operation")

// fail turns err into what an operator reads. what has the form "cannot X". The
// kind is the caller's, unless LXD is away or err says more already.
func fail(kind error, what string, err error) error {
	var known *pool.Error
	var away *awayError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return pool.Errorf(pool.ErrUnavailable, "", "%s: it was given up: %w", what, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return pool.Errorf(pool.ErrUnavailable, "", "%s: LXD did not answer in time: %w", what, context.DeadlineExceeded)
	case errors.As(err, &away), errors.Is(err, errLost):
		return pool.Errorf(pool.ErrUnavailable, remedy(err), "%s: %w", what, err)
	}
	return pool.Errorf(kind, "", "%s: %w", what, err)
}

// blame is the kind of an error about an instance that should be there.
func blame(err error) error {
	if notFound(err) {
		return pool.ErrGone
	}
	return pool.ErrFailed
}

func remedy(err error) string {
	if known := (*unreached)(nil); errors.As(err, &known) && known.next != "" {
		return known.next
	}
	if errors.Is(err, os.ErrPermission) {
		return `run as root or join the group "lxd"`
	}
	return `check that LXD runs, such as with "lxc info"`
}

func notFound(err error) bool { return api.StatusErrorCheck(err, http.StatusNotFound) }

// away reports whether err leaves the outcome unknown for a reason that lies
// with LXD or the caller, not with the instance.
func away(err error) bool {
	var a *awayError
	return errors.As(err, &a) || errors.Is(err, errLost) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// busy reports whether another operation held the instance. LXD says it in
// words only, both at once and at the end of an operation.
func busy(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "is busy running a") || strings.Contains(text, "A matching non-reusable operation")
}

package pool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The kinds of errors that somebody acts on. The same errors.Is holds in the
// engine and on the far side of the socket; [Code] is the kind's word on the wire.
var (
	ErrInvalid     = errors.New("invalid") // bad input; nothing changed
	ErrNoPool      = errors.New("no such pool")
	ErrNoLease     = errors.New("no such lease")
	ErrNoInstance  = errors.New("no such instance")
	ErrPoolExists  = errors.New("pool exists")
	ErrNotFound    = errors.New("not found")       // anything else by its name: a profile, a project, an image, a file
	ErrExists      = errors.New("exists")          // anything else of that name
	ErrInUse       = errors.New("in use")          // somebody needs it; the text says who
	ErrLeaseEnded  = errors.New("lease has ended") // Error carries the ending in Why
	ErrForbidden   = errors.New("not allowed")
	ErrChanged     = errors.New("changed meanwhile")       // edited since it was read
	ErrKept        = errors.New("kept by a configuration") // which is to be changed instead
	ErrDisabled    = errors.New("pool is disabled")
	ErrDoomed      = errors.New("pool is going")   // it is being deleted
	ErrExhausted   = errors.New("nothing ready")   // within the time the caller gave
	ErrTooMany     = errors.New("more than max")   // can never be granted
	ErrLeased      = errors.New("pool has leases") // delete without force
	ErrHoldLimit   = errors.New("too many holds")
	ErrLimit       = errors.New("limit reached")         // the pool allows no more of it
	ErrNotRunning  = errors.New("instance does not run") // it is stopped or paused
	ErrUnavailable = errors.New("LXD is away")           // outcome unknown; try again
	ErrRejected    = errors.New("refused by LXD")        // the spec cannot be satisfied
	ErrGone        = errors.New("instance is gone")
	ErrFailed      = errors.New("instance failed")   // a call on one instance failed
	ErrUnsupported = errors.New("not supported")     // by this backend or LXD
	ErrLocked      = errors.New("already open")      // state is open elsewhere
	ErrCorrupt     = errors.New("journal is broken") // or of a newer version
	ErrClosed      = errors.New("closing")           // the daemon is going down; retry
	ErrUnreachable = errors.New("no daemon")         // client side: nobody answers
	ErrInternal    = errors.New("internal error")
)

var codes = []struct {
	kind error
	code string
}{
	{ErrInvalid, "invalid"},
	{ErrNoPool, "no-pool"},
	{ErrNoLease, "no-lease"},
	{ErrNoInstance, "no-instance"},
	{ErrPoolExists, "pool-exists"},
	{ErrNotFound, "not-found"},
	{ErrExists, "exists"},
	{ErrInUse, "in-use"},
	{ErrLeaseEnded, "lease-ended"},
	{ErrForbidden, "forbidden"},
	{ErrChanged, "changed"},
	{ErrKept, "kept"},
	{ErrDisabled, "disabled"},
	{ErrDoomed, "doomed"},
	{ErrExhausted, "exhausted"},
	{ErrTooMany, "too-many"},
	{ErrLeased, "leased"},
	{ErrHoldLimit, "hold-limit"},
	{ErrNotRunning, "not-running"},
	{ErrLimit, "limit"},
	{ErrUnavailable, "unavailable"},
	{ErrRejected, "rejected"},
	{ErrGone, "gone"},
	{ErrFailed, "failed"},
	{ErrUnsupported, "unsupported"},
	{ErrLocked, "locked"},
	{ErrCorrupt, "corrupt"},
	{ErrClosed, "closed"},
	{ErrUnreachable, "unreachable"},
	{ErrInternal, "internal"},
}

// Code returns the word for the kind of err, "internal" when it has none.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return c.code
		}
	}
	return "internal"
}

// KindOf returns the kind that a code stands for, [ErrInternal] for an unknown one.
func KindOf(code string) error {
	for _, c := range codes {
		if c.code == code {
			return c.kind
		}
	}
	return ErrInternal
}

// Codes lists every code, in a fixed order.
func Codes() []string {
	list := make([]string, len(codes))
	for i, c := range codes {
		list[i] = c.code
	}
	return list
}

// Error is what an operator reads: what could not be done and why, and then
// what to do. Text has the form "cannot X: why".
type Error struct {
	Kind error
	Text string
	// Next is the next step to take, without a full stop; "" when Text says it.
	Next string
	// Cause is the error behind it, for errors.Is; its text is already in Text.
	Cause error
}

func (e *Error) Error() string {
	if e.Next == "" {
		return e.Text
	}
	return e.Text + "; " + e.Next
}

// Unwrap returns kind and cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Errorf makes an [Error]. A %w in format becomes its Cause. Of an Error among
// args only the Text is told; its Next is taken when next is "".
func Errorf(kind error, next, format string, args ...any) *Error {
	args = slices.Clone(args)
	for i, arg := range args {
		if inner, ok := arg.(*Error); ok {
			args[i] = told{inner}
			next = cmp.Or(next, inner.Next)
		}
	}
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if inner, ok := cause.(told); ok {
		cause = inner.err
	}
	return &Error{Kind: kind, Text: err.Error(), Next: next, Cause: cause}
}

// told is an Error without its next step.
type told struct{ err *Error }

func (e told) Error() string { return e.err.Text }

// textAndNext parts what an error says from the next step that it ends with.
func textAndNext(err error) (text, next string) {
	text = err.Error()
	if e, ok := errors.AsType[*Error](err); ok && e.Next != "" && strings.HasSuffix(text, "; "+e.Next) {
		return strings.TrimSuffix(text, "; "+e.Next), e.Next
	}
	return text, ""
}

// Invalidf makes an [Error] of kind [ErrInvalid].
func Invalidf(next, format string, args ...any) *Error {
	return Errorf(ErrInvalid, next, format, args...)
}

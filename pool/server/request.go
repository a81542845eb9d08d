package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// request is one request on its way through a handler.
type request struct {
	*http.Request
	w      http.ResponseWriter
	caller Caller
	token  pool.Token
	// grant is the lease of the path and its instance, on routes for holders.
	grant pool.Grant
}

// decode reads the body of a request: one JSON value without unknown fields.
func (r *request) decode(into any) error {
	d := json.NewDecoder(http.MaxBytesReader(r.w, r.Body, api.MaxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more == io.EOF {
			return http.NewResponseController(r.w).SetReadDeadline(time.Time{})
		}
		err = errors.New("something follows the JSON value")
	}
	return badBody(err)
}

func badBody(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return wrong{http.StatusRequestEntityTooLarge,
			pool.Invalidf("", "cannot read the body: it is larger than %d bytes", large.Limit)}
	}
	if known, ok := errors.AsType[*pool.Error](err); ok {
		return known // a value that reads itself, such as a duration
	}
	if err == io.EOF {
		return pool.Invalidf("send a JSON object, if only {}", "cannot read the body: it is empty")
	}
	return pool.Invalidf("", "cannot read the body: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// flag reads a parameter that is true or false; without a value it is true.
func (r *request) flag(name string) (bool, error) {
	query := r.URL.Query()
	if !query.Has(name) || query.Get(name) == "" {
		return query.Has(name), nil
	}
	on, err := strconv.ParseBool(query.Get(name))
	if err != nil {
		return false, pool.Invalidf("", "cannot use %s=%q: it is true or false", name, query.Get(name))
	}
	return on, nil
}

func (r *request) pool() pool.PoolName { return pool.PoolName(r.PathValue("pool")) }

// by is on whose behalf something is done to the lease of the path: whoever
// shows its token acts for its holder.
func (r *request) by() pool.Identity {
	if r.caller.Role == Operator {
		return r.caller.Identity
	}
	return r.grant.Lease.Holder
}

package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Pool is the status of a pool.
type Pool struct {
	pool.PoolStatus
	// ETag identifies the spec. It travels as a header, to be given back when
	// the spec is replaced.
	ETag string `json:"-"`
}

// NewPool returns status with the mark of its spec.
func NewPool(status *pool.PoolStatus) *Pool {
	p := &Pool{PoolStatus: *status, ETag: ETag(&status.Spec)}
	if p.Problems == nil {
		p.Problems = []pool.Problem{}
	}
	return p
}

// ETag returns the mark of a spec: equal specs have equal ones.
func ETag(s *pool.Spec) string { return etag(s) }

// etag returns the mark of plain data.
func etag(data any) string {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// CreatePool is the body that makes a pool.
type CreatePool struct {
	Name pool.PoolName `json:"name"`
	Spec pool.Spec     `json:"spec"`
}

// EditPool is the body that changes a pool: keys of its spec, or whether it is
// disabled, not both.
type EditPool struct {
	// Set maps keys of the spec to texts, as [pool.Spec.Set] reads them.
	Set map[string]string `json:"set,omitempty"`
	// Disabled refuses new leases (true) or allows them again (false).
	Disabled *bool `json:"disabled,omitempty"`
}

package api

import (
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Lease is a lease as its holder and its operator see it. The names are fixed.
type Lease struct {
	ID       pool.LeaseID      `json:"id"`
	Pool     pool.PoolName     `json:"pool"`
	Instance pool.InstanceName `json:"instance"`
	Holder   pool.Identity     `json:"holder"`
	Purpose  string            `json:"purpose"`
	Created  time.Time         `json:"created"`
	Expires  time.Time         `json:"expires"`
	Fence    pool.Fence        `json:"fence"`
	// Token alone is enough for this lease. It is in the answer to acquire only.
	Token     pool.Token     `json:"token,omitempty"`
	Addresses []pool.Address `json:"addresses"`
	Location  string         `json:"location"`
	Project   string         `json:"project"`
	// Remote is the LXD that the instance was moved to, "" for that of its pool.
	Remote pool.RemoteName `json:"remote,omitempty"`
	// Forwards are the ports of the host that lead to the instance.
	Forwards []pool.Forward `json:"forwards,omitempty"`
	// Request is the request id that got it. Operators see it, and nobody else.
	Request pool.RequestID `json:"request,omitempty"`
	// Ended says who ended it, why and when; nil while it lasts.
	Ended *pool.Ending `json:"ended,omitempty"`
}

// NewLease returns what of a grant travels to everybody who may see it: never
// its environment or the sums of its tokens. Its request is left to be filled in.
func NewLease(g pool.Grant) *Lease {
	l := &Lease{
		ID: g.Lease.ID, Pool: g.Lease.Pool, Instance: g.Lease.Instance,
		Holder: g.Lease.Holder, Purpose: g.Lease.Purpose,
		Created: g.Lease.Created, Expires: g.Lease.Expires, Fence: g.Lease.Fence,
		Token: g.Token, Addresses: []pool.Address{}, Forwards: g.Lease.Forwards, Ended: g.Lease.Ended,
	}
	if g.Instance != nil {
		l.Location, l.Project, l.Remote = g.Instance.Place.Location, g.Instance.Place.Project, g.Instance.Place.Remote
		l.Addresses = append(l.Addresses, g.Instance.Place.Addresses...)
	}
	return l
}

// Acquire is the body of an acquire. Its answer is a list of leases.
type Acquire struct {
	// Count is how many leases, all or none. 0: 1.
	Count int `json:"count,omitempty"`
	// TTL is how long each lasts, such as "30m". "0s": the pool's ttl.
	TTL pool.Duration `json:"ttl,omitempty"`
	// Wait is how many seconds to wait in the queue. 0: try once.
	// Below 0: as long as the connection lasts.
	Wait float64 `json:"wait,omitempty"`
	// Priority: a higher one is served first.
	Priority int    `json:"priority,omitempty"`
	Purpose  string `json:"purpose,omitempty"`
	// Env is given to every command run through the leases.
	Env map[string]string `json:"env,omitempty"`
	// Files are put into each instance before the answer; their content is in
	// base64, 512 KiB in all.
	Files []pool.NewFile `json:"files,omitempty"`
	// SSHKeys are public keys that may log in as root.
	SSHKeys []string `json:"ssh_keys,omitempty"`
	// Limits are lower than those of the pool.
	Limits pool.Limits `json:"limits,omitzero"`
	// Forwards are ports of the host that lead to the instance, for operators to
	// ask for, and for one lease at a time.
	Forwards []pool.Forward `json:"forwards,omitempty"`
	// Request is drawn by the caller; a repeated one gets the same leases.
	Request pool.RequestID `json:"request,omitempty"`
	// Holder is whom an operator acquires for, as KIND:NAME, such as "job:17".
	// "": the caller. It is nobody who can come by themselves.
	Holder pool.Identity `json:"holder,omitempty"`
}

// NewAcquire returns the body for r. The pool is not part of it: it is in the path.
func NewAcquire(r pool.AcquireRequest) Acquire {
	a := Acquire{
		Count: r.Count, TTL: r.TTL, Wait: time.Duration(r.Wait).Seconds(), Priority: r.Priority,
		Purpose: r.Purpose, Env: r.Env, Request: r.Request, Holder: r.Holder,
		Files: r.Settings.Files, SSHKeys: r.Settings.SSHKeys, Limits: r.Settings.Limits, Forwards: r.Settings.Forwards,
	}
	if r.Wait < 0 {
		a.Wait = -1
	}
	return a
}

// longestWait is the longest wait with an end; a longer one has none.
const longestWait = 100 * 365 * 24 * time.Hour

// For returns the wish that a makes of a pool for a holder. Whether that is the
// one whom a names is for the server to say.
func (a Acquire) For(name pool.PoolName, holder pool.Identity) pool.AcquireRequest {
	r := pool.AcquireRequest{
		Pool: name, Holder: holder, Request: a.Request, Count: a.Count, TTL: a.TTL,
		Priority: a.Priority, Purpose: a.Purpose, Env: a.Env, Wait: pool.WaitForever,
		Settings: pool.Settings{Files: a.Files, SSHKeys: a.SSHKeys, Limits: a.Limits, Forwards: a.Forwards},
	}
	if a.Wait >= 0 && a.Wait < longestWait.Seconds() {
		r.Wait = pool.Duration(a.Wait * float64(time.Second))
	}
	return r
}

// Fork is the body that asks for copies of a leased instance. Its answer is a
// list of leases.
type Fork struct {
	// Count is how many copies, all or none. 0: 1.
	Count int `json:"count,omitempty"`
	// TTL is how long each lease lasts, such as "30m". "0s": the pool's ttl.
	TTL pool.Duration `json:"ttl,omitempty"`
	// Request is drawn by the caller; a repeated one gets the same leases.
	Request pool.RequestID `json:"request,omitempty"`
}

// Renew is the body that moves the end of a lease.
type Renew struct {
	// TTL counts from now. "0s": the pool's ttl.
	TTL pool.Duration `json:"ttl"`
}

// Hold is the body that keeps an instance for a look after its lease.
type Hold struct {
	// For counts from now.
	For    pool.Duration `json:"for"`
	Reason string        `json:"reason"`
}

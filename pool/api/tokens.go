package api

import "github.com/lxd-pool/lxd-pool/pool"

// MadeToken is a named token that was just made.
type MadeToken struct {
	pool.NamedToken
	// Token is the secret. It is in this answer only.
	Token pool.Token `json:"token"`
}

package api

import "github.com/lxd-pool/lxd-pool/pool"

// Version says what answers.
type Version struct {
	// API is the version of the paths, "1.0".
	API string `json:"api"`
	// Version is that of the daemon.
	Version string `json:"version"`
	// Identity is whom the daemon takes the caller for.
	Identity pool.Identity `json:"identity"`
	// Role is what the caller may do: "operator", "consumer", "viewer" or "none".
	Role string `json:"role"`
	// Fingerprint is the SHA-256 of the certificate that the daemon shows on the
	// network, for clients to pin; "": it does not serve there.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Health says whether the daemon serves and LXD answers.
type Health struct {
	Healthy  bool           `json:"healthy"`
	Problems []pool.Problem `json:"problems"`
}

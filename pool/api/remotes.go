package api

import "github.com/lxd-pool/lxd-pool/pool"

// EditRemote is the body that changes a remote: its name or its URL, not both.
type EditRemote struct {
	Name pool.RemoteName `json:"name,omitempty"`
	URL  string          `json:"url,omitempty"`
}

package api

import (
	"github.com/lxd-pool/lxd-pool/pool"
)

// Profile is a profile of an LXD project.
type Profile struct {
	pool.Profile
	// ETag identifies the content. It travels as a header, to be given back when
	// the content is replaced.
	ETag string `json:"-"`
}

// NewProfile returns p with the mark of its content.
func NewProfile(p *pool.Profile) *Profile { return &Profile{Profile: *p, ETag: ProfileETag(p)} }

// ProfileETag returns the mark of a profile's content: description, config and
// devices.
func ProfileETag(p *pool.Profile) string {
	return etag(pool.Profile{Description: p.Description, Config: p.Config, Devices: p.Devices})
}

// EditProfile is the body that changes a profile.
type EditProfile struct {
	// Set maps keys to texts, as [pool.Profile.Set] reads them.
	Set map[string]string `json:"set"`
}

package api

import "github.com/lxd-pool/lxd-pool/pool"

// The parts of the form that an image is imported with, in this order. The
// first is JSON, a [pool.ImportImage]; the third is left out for a unified image.
const (
	PartImage    = "image"
	PartMetadata = "metadata"
	PartRootfs   = "rootfs"
)

// Publish is the body that makes an image from the instance of a lease.
type Publish struct {
	Aliases    []string          `json:"aliases,omitempty"`
	Public     bool              `json:"public,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

// NewPublish returns the body for p. The project is that of the pool.
func NewPublish(p pool.PublishImage) Publish { return Publish{p.Aliases, p.Public, p.Properties} }

// PublishInstance is the body that makes an image from any instance.
type PublishInstance struct {
	Instance pool.InstanceName `json:"instance"`
	pool.PublishImage
}

// RefreshedImage says whether there was a newer image.
type RefreshedImage struct {
	Refreshed bool `json:"refreshed"`
}

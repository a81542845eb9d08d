package pool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
)

// ImageFiles is a power that a [Backend] may have: to get images into the store
// and out of it. Nothing half-made is left: after an error, also that of ctx,
// the store is as it was. An image is never held in memory as a whole.
type ImageFiles interface {
	// CopyImage fetches an image from a remote. LXD itself downloads it. One that
	// is there already only gets the aliases.
	CopyImage(ctx context.Context, c CopyImage) (*Image, error)
	// ImportImage makes an image from files. [ErrRejected] when they are none,
	// [ErrExists] when it is there already.
	ImportImage(ctx context.Context, i ImportImage) (*Image, error)
	// ExportImage writes the files of an image, one after the other, to what to
	// returns for each.
	ExportImage(ctx context.Context, ref ImageRef, to func(ImageFile) (io.Writer, error)) error
}

// NewImage is how an image shall be that comes into the store.
type NewImage struct {
	// Project is that of the store, "" for "default".
	Project string `json:"project,omitempty"`
	// Aliases are those that it gets; none may be taken.
	Aliases []string `json:"aliases,omitempty"`
	// Public: everybody who reaches LXD over the network may have it.
	Public bool `json:"public,omitempty"`
}

// CopyImage is an image to be fetched from a remote.
type CopyImage struct {
	NewImage
	Remote RemoteName `json:"remote"`
	Image  string     `json:"image"`
	// Type tells apart what has one name on an image server. "": container.
	Type Type `json:"type,omitempty"`
	// AutoUpdate has LXD look for a newer one every few hours.
	AutoUpdate bool `json:"auto-update,omitempty"`
	// CopyAliases gives it those that it has on the remote, too.
	CopyAliases bool `json:"copy-aliases,omitempty"`
}

// ImportImage is an image in files: one with everything (unified), or one with
// the metadata and one with the root file system (split).
type ImportImage struct {
	NewImage
	// Properties are set beside those in the metadata.
	Properties map[string]string `json:"properties,omitempty"`
	// Metadata is the one file, or that of the metadata. It is read first.
	Metadata io.Reader `json:"-"`
	// Rootfs is nil for a unified image.
	Rootfs io.Reader `json:"-"`
	// Size is that of all files, for who is told how far it is. 0: not known.
	Size int64 `json:"-"`
}

// ImageFile is one file of an image.
type ImageFile struct {
	Part ImagePart
	// Name is what LXD calls it.
	Name string
	// Size in bytes, below 0 when it is not known.
	Size int64
}

// ImagePart is what of an image is in a file.
type ImagePart string

// The parts.
const (
	WholeImage    ImagePart = "image"
	ImageMetadata ImagePart = "metadata"
	ImageRootfs   ImagePart = "rootfs"
)

func (n *NewImage) validate() error {
	for _, alias := range n.Aliases {
		if err := validateImageAlias(alias); err != nil {
			return err
		}
	}
	if n.Project == "" {
		n.Project = "default"
	}
	slices.Sort(n.Aliases)
	n.Aliases = slices.Compact(n.Aliases)
	return nil
}

// CopyImage fetches an image from a remote into LXD's store.
func (m *Manager) CopyImage(ctx context.Context, c CopyImage) (*Image, error) {
	power, err := powerOf[ImageFiles](m, "copy an image")
	if err != nil {
		return nil, err
	}
	c.Aliases = slices.Clone(c.Aliases)
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Remote == "" || c.Remote == Local {
		return nil, Invalidf("write it like ubuntu:24.04", "cannot copy image %q: it has no remote to come from", c.Image)
	}
	if c.Type == "" {
		c.Type = Container
	}
	return power.CopyImage(ctx, c)
}

// ImportImage makes an image in LXD's store from files.
func (m *Manager) ImportImage(ctx context.Context, i ImportImage) (*Image, error) {
	power, err := powerOf[ImageFiles](m, "import an image")
	if err != nil {
		return nil, err
	}
	i.Aliases = slices.Clone(i.Aliases)
	if err := i.validate(); err != nil {
		return nil, err
	}
	if err := validateImageProperties(i.Properties); err != nil {
		return nil, err
	}
	return power.ImportImage(ctx, i)
}

// ExportImage writes the files of an image of LXD's store, one after the other,
// to what to returns for each, and compares their sum with the fingerprint.
func (m *Manager) ExportImage(ctx context.Context, ref ImageRef, to func(ImageFile) (io.Writer, error)) (*Image, error) {
	power, err := powerOf[ImageFiles](m, "export an image")
	if err == nil {
		err = ref.Here("export")
	}
	if err != nil {
		return nil, err
	}
	image, err := m.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	ref.Name = image.Fingerprint
	summed, check := SumImage(image, to)
	if err := power.ExportImage(ctx, ref.withDefaults(), summed); err != nil {
		return nil, err
	}
	return image, check()
}

// SumImage has the files of an image summed while they are written. check
// compares the sum with the fingerprint.
func SumImage(image *Image, to func(ImageFile) (io.Writer, error)) (summed func(ImageFile) (io.Writer, error), check func() error) {
	sum := sha256.New()
	summed = func(f ImageFile) (io.Writer, error) {
		w, err := to(f)
		if err != nil {
			return nil, err
		}
		return io.MultiWriter(w, sum), nil
	}
	return summed, func() error {
		if got := hex.EncodeToString(sum.Sum(nil)); got != image.Fingerprint {
			return Errorf(ErrFailed, "try again", "cannot export image %.12s: what came has the fingerprint %.12s", image.Fingerprint, got)
		}
		return nil
	}
}

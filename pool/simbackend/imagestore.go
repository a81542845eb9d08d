package simbackend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// The store of images is in memory. What [Options.Images] names without a remote
// is in the store of "default", what it names with one is on that remote; every
// remote that was added has what the store had at the beginning.

// stored is an image in the store, with the files that it was made from.
type stored struct {
	pool.Image
	project string
	files   map[pool.ImagePart][]byte
}

// imageParts is the order of the files of an image.
var imageParts = []pool.ImagePart{pool.WholeImage, pool.ImageMetadata, pool.ImageRootfs}

func simImage(fingerprint string, aliases ...string) pool.Image {
	return pool.Image{Fingerprint: fingerprint, Aliases: aliases, Type: pool.Container, Architecture: "x86_64", Size: 1 << 20, Properties: map[string]string{}}
}

// adopt puts what the options name into the store, so that it can be changed.
func (b *Backend) adopt() {
	for _, name := range slices.Sorted(maps.Keys(b.images)) {
		if strings.Contains(name, ":") {
			continue
		}
		if s := b.inStore("default", b.images[name]); s != nil {
			s.Aliases = append(s.Aliases, name)
		} else {
			b.store = append(b.store, &stored{Image: simImage(b.images[name], name), project: "default"})
		}
		delete(b.images, name)
	}
}

// inStore finds an image by an alias or the beginning of its fingerprint.
func (b *Backend) inStore(project, name string) *stored {
	for _, s := range b.store {
		if s.project == project && slices.Contains(s.Aliases, name) {
			return s
		}
	}
	for _, s := range b.store {
		if s.project == project && name != "" && strings.HasPrefix(s.Fingerprint, name) {
			return s
		}
	}
	return nil
}

// findImage returns a copy of an image in the store or on a remote.
func (b *Backend) findImage(ref pool.ImageRef) (*pool.Image, error) {
	if err := b.needProject(ref.Project); err != nil && ref.Remote == "" {
		return nil, err
	}
	all, err := b.imagesOf(ref.Remote, ref.Project)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if slices.Contains(all[i].Aliases, ref.Name) || len(ref.Name) > 0 && strings.HasPrefix(all[i].Fingerprint, ref.Name) {
			return &all[i], nil
		}
	}
	return nil, pool.Errorf(pool.ErrNotFound, `see "lxd-pool image list"`, "cannot find image %q", ref.String())
}

// imagesOf returns copies of what is in a store or on a remote.
func (b *Backend) imagesOf(remote pool.RemoteName, project string) ([]pool.Image, error) {
	b.adopt()
	var list []pool.Image
	if remote == "" {
		for _, s := range b.store {
			if s.project == project {
				list = append(list, copyOf(s.Image))
			}
		}
		return list, b.needProject(project)
	}
	if _, added := b.remotes[remote]; added {
		return []pool.Image{simImage("simbusya", "busybox")}, nil
	}
	if !isDefault(remote) {
		return nil, pool.NoRemote(remote)
	}
	for _, name := range slices.Sorted(maps.Keys(b.images)) {
		if alias, ok := strings.CutPrefix(name, string(remote)+":"); ok {
			list = append(list, simImage(b.images[name], alias))
		}
	}
	return list, nil
}

func copyOf(i pool.Image) pool.Image {
	i.Aliases, i.Properties = slices.Clone(i.Aliases), maps.Clone(i.Properties)
	return i
}

// Images implements [pool.Images].
func (b *Backend) Images(_ context.Context, remote pool.RemoteName, project string) ([]pool.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.imagesOf(remote, project)
}

// Image implements [pool.Images].
func (b *Backend) Image(_ context.Context, ref pool.ImageRef) (*pool.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.findImage(ref)
}

// change finds an image in the store and changes it.
func (b *Backend) changeImage(ref pool.ImageRef, change func(*stored) error) (*pool.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.findImage(ref); err != nil {
		return nil, err
	}
	s := b.inStore(ref.Project, ref.Name)
	if err := change(s); err != nil {
		return nil, err
	}
	changed := copyOf(s.Image)
	return &changed, nil
}

// EditImage implements [pool.Images].
func (b *Backend) EditImage(_ context.Context, ref pool.ImageRef, e pool.ImageEdit) (*pool.Image, error) {
	return b.changeImage(ref, func(s *stored) error {
		if e.AutoUpdate != nil && *e.AutoUpdate && s.Source == nil {
			return nowhere("change", ref)
		}
		for key, value := range e.Properties {
			if s.Properties[key] = value; value == "" {
				delete(s.Properties, key)
			}
		}
		if e.Public != nil {
			s.Public = *e.Public
		}
		if e.AutoUpdate != nil {
			s.AutoUpdate = *e.AutoUpdate
		}
		return nil
	})
}

func nowhere(verb string, ref pool.ImageRef) error {
	return pool.Invalidf("copy one from a remote", "cannot %s image %s: it came from nowhere that could have a newer one", verb, ref)
}

// RefreshImage implements [pool.Images]. There is a newer one when [Backend.SetImage]
// has changed what is on the remote.
func (b *Backend) RefreshImage(_ context.Context, ref pool.ImageRef) (refreshed bool, err error) {
	_, err = b.changeImage(ref, func(s *stored) error {
		if s.Source == nil {
			return nowhere("refresh", ref)
		}
		for name, fingerprint := range b.images {
			if strings.HasSuffix(name, ":"+s.Source.Alias) && fingerprint != s.Fingerprint {
				s.Fingerprint, refreshed = fingerprint, true
			}
		}
		return nil
	})
	return refreshed, err
}

// DeleteImage implements [pool.Images].
func (b *Backend) DeleteImage(_ context.Context, ref pool.ImageRef) error {
	_, err := b.changeImage(ref, func(gone *stored) error {
		b.store = slices.DeleteFunc(b.store, func(s *stored) bool { return s == gone })
		return nil
	})
	return err
}

// ImageAliases implements [pool.Images].
func (b *Backend) ImageAliases(ctx context.Context, project string) ([]pool.ImageAlias, error) {
	images, err := b.Images(ctx, "", project)
	var list []pool.ImageAlias
	for _, image := range images {
		for _, name := range image.Aliases {
			list = append(list, pool.ImageAlias{Name: name, Image: image.Fingerprint, Type: image.Type})
		}
	}
	return list, err
}

// CreateImageAlias implements [pool.Images].
func (b *Backend) CreateImageAlias(_ context.Context, project string, a pool.ImageAlias) (*pool.ImageAlias, error) {
	made, err := b.changeImage(pool.RefImage(a.Image, project), func(s *stored) error {
		if err := b.freeAliases(project, a.Name); err != nil {
			return err
		}
		s.Aliases = append(s.Aliases, a.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.Image, a.Type = made.Fingerprint, made.Type
	return &a, nil
}

func (b *Backend) freeAliases(project string, names ...string) error {
	for _, name := range names {
		if s := b.inStore(project, name); s != nil && slices.Contains(s.Aliases, name) {
			return pool.Errorf(pool.ErrExists, "choose another", "cannot use alias %q: an image has it already", name)
		}
	}
	return nil
}

// DeleteImageAlias implements [pool.Images].
func (b *Backend) DeleteImageAlias(_ context.Context, project, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.adopt()
	s := b.inStore(project, name)
	if s == nil || !slices.Contains(s.Aliases, name) {
		return pool.Errorf(pool.ErrNotFound, `see "lxd-pool image alias list"`, "cannot find alias %q", name)
	}
	s.Aliases = slices.DeleteFunc(s.Aliases, func(a string) bool { return a == name })
	return nil
}

// keep puts an image into the store. One that is there gets the aliases.
func (b *Backend) keepImage(n pool.NewImage, made stored, fresh bool) (*pool.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.adopt()
	if err := errors.Join(b.needProject(n.Project), b.freeAliases(n.Project, n.Aliases...)); err != nil {
		return nil, err
	}
	s := b.inStore(n.Project, made.Fingerprint)
	switch {
	case s == nil:
		made.project, made.Public, made.Uploaded = n.Project, n.Public, time.Now().UTC()
		s = &made
		b.store = append(b.store, s)
	case fresh:
		return nil, pool.Errorf(pool.ErrExists, "give it another name", "cannot make the image: LXD has the very same image already")
	}
	s.Aliases = append(s.Aliases, n.Aliases...)
	kept := copyOf(s.Image)
	return &kept, nil
}

// CopyImage implements [pool.ImageFiles].
func (b *Backend) CopyImage(ctx context.Context, c pool.CopyImage) (*pool.Image, error) {
	found, err := b.Image(ctx, pool.ImageRef{Remote: c.Remote, Name: c.Image, Type: c.Type})
	if err != nil {
		return nil, err
	}
	for percent := range 3 {
		pool.Report(ctx, pool.Progress{Stage: "downloading the image", Percent: 50 * percent})
	}
	if err := b.pass(ctx, Copy); err != nil {
		return nil, err
	}
	if c.CopyAliases {
		c.Aliases = append(c.Aliases, found.Aliases...)
	}
	found.Aliases, found.AutoUpdate = nil, c.AutoUpdate
	found.Source = &pool.ImageSource{URL: string(c.Remote), Protocol: pool.Simplestreams, Alias: c.Image}
	return b.keepImage(c.NewImage, stored{Image: *found}, false)
}

// pass lets the time of a verb go by.
func (b *Backend) pass(ctx context.Context, v Verb) error {
	return b.look(ctx, v, "", func() error { return nil })
}

// marks are how packed files begin.
var marks = []string{"\x1f\x8b", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "BZh", "hsqs", "QFI\xfb"}

// ImportImage implements [pool.ImageFiles].
func (b *Backend) ImportImage(ctx context.Context, i pool.ImportImage) (*pool.Image, error) {
	read := func(from io.Reader) ([]byte, error) {
		text, err := io.ReadAll(until{ctx, from})
		if err == nil && !slices.ContainsFunc(marks, func(mark string) bool { return strings.HasPrefix(string(text), mark) }) {
			err = pool.Errorf(pool.ErrRejected, "", "cannot import the image: it is not one")
		}
		return text, err
	}
	first, err := read(i.Metadata)
	files := map[pool.ImagePart][]byte{pool.WholeImage: first}
	if err == nil && i.Rootfs != nil {
		var second []byte
		second, err = read(i.Rootfs)
		files = map[pool.ImagePart][]byte{pool.ImageMetadata: first, pool.ImageRootfs: second}
	}
	if err == nil {
		err = b.pass(ctx, Import)
	}
	if err != nil {
		return nil, err
	}
	return b.keepImage(i.NewImage, newStored(files, i.Properties), true)
}

// until reads until a context ends.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

func newStored(files map[pool.ImagePart][]byte, properties map[string]string) stored {
	sum := sha256.New()
	size := 0
	for _, part := range imageParts {
		sum.Write(files[part])
		size += len(files[part])
	}
	made := stored{Image: simImage(hex.EncodeToString(sum.Sum(nil))), files: files}
	made.Size = int64(size)
	maps.Copy(made.Properties, properties)
	return made
}

// ExportImage implements [pool.ImageFiles]. Only what was imported or published
// has files.
func (b *Backend) ExportImage(ctx context.Context, ref pool.ImageRef, to func(pool.ImageFile) (io.Writer, error)) error {
	var files map[pool.ImagePart][]byte
	_, err := b.changeImage(ref, func(s *stored) error {
		if files = s.files; files == nil {
			return pool.Errorf(pool.ErrUnsupported, "import one", "cannot export image %s: a simulated image has no files", ref)
		}
		return nil
	})
	for _, part := range imageParts {
		if err != nil || files[part] == nil {
			continue
		}
		var w io.Writer
		if w, err = to(pool.ImageFile{Part: part, Name: string(part), Size: int64(len(files[part]))}); err == nil {
			_, err = io.Copy(w, bytes.NewReader(files[part]))
		}
	}
	return err
}

// Publish implements [pool.Publisher].
func (b *Backend) Publish(ctx context.Context, o pool.Order, p pool.PublishImage) (*pool.Image, error) {
	number := uint32(0)
	see := func() error {
		in, err := b.find(Publish, o)
		if err == nil {
			number = in.Number
		}
		return err
	}
	pool.Report(ctx, pool.Progress{Stage: "packing the image"})
	err := b.look(ctx, Publish, o.Instance, see)
	if errors.Is(err, pool.ErrGone) {
		err = pool.Errorf(pool.ErrNoInstance, `see "lxd-pool instances"`, "cannot publish instance %s: there is none of that name", o.Instance)
	}
	if err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, "\x1f\x8b%s %d %d", o.Instance, number, time.Now().UnixNano())
	return b.keepImage(p.NewImage, newStored(map[pool.ImagePart][]byte{pool.WholeImage: text}, p.Properties), true)
}

// fingerprintIn returns that of an image in a project's store, "" if it is not there.
func (b *Backend) fingerprintIn(project, name string) string {
	if s := b.inStore(cmp.Or(project, "default"), name); s != nil {
		return s.Fingerprint
	}
	return ""
}

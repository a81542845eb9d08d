package pool

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Images is a power that a [Backend] may have: to keep images, in the store of
// LXD. A project without images of its own has those of "default".
//
// Errors: [ErrNotFound] for an unknown image, alias, remote or project,
// [ErrExists] for an alias that is taken, [ErrRejected] for what LXD refuses,
// [ErrUnavailable] when it does not answer.
type Images interface {
	// Images lists what is in the store of a project, or on a remote. Remote ""
	// is the store.
	Images(ctx context.Context, remote RemoteName, project string) ([]Image, error)
	Image(ctx context.Context, ref ImageRef) (*Image, error)
	// EditImage changes what e says and nothing else.
	EditImage(ctx context.Context, ref ImageRef, e ImageEdit) (*Image, error)
	// RefreshImage fetches an image anew if there is another one where it came
	// from, moves its aliases to that, and reports whether there was. On error
	// the old one is still there.
	RefreshImage(ctx context.Context, ref ImageRef) (bool, error)
	// DeleteImage nil: the image and its aliases are gone.
	DeleteImage(ctx context.Context, ref ImageRef) error

	ImageAliases(ctx context.Context, project string) ([]ImageAlias, error)
	CreateImageAlias(ctx context.Context, project string, a ImageAlias) (*ImageAlias, error)
	DeleteImageAlias(ctx context.Context, project, name string) error
}

// Image is what instances can be made from.
type Image struct {
	// Fingerprint is the SHA-256 of its files, in hexadecimal.
	Fingerprint  string   `json:"fingerprint"`
	Aliases      []string `json:"aliases"`
	Type         Type     `json:"type"`
	Architecture string   `json:"architecture"`
	Size         int64    `json:"size"` // of its files, in bytes
	Public       bool     `json:"public"`
	AutoUpdate   bool     `json:"auto-update"`
	// Cached: LXD fetched it for an instance, and drops it when it is not used.
	Cached     bool              `json:"cached"`
	Properties map[string]string `json:"properties"`
	Created    time.Time         `json:"created,omitzero"`
	Expires    time.Time         `json:"expires,omitzero"`
	Uploaded   time.Time         `json:"uploaded,omitzero"`
	LastUsed   time.Time         `json:"last-used,omitzero"`
	// Source is where a refresh looks; nil: nowhere.
	Source *ImageSource `json:"source,omitempty"`
	// Pools are those whose instances are made from it.
	Pools []PoolName `json:"pools,omitempty"`
}

// ImageSource is where an image came from.
type ImageSource struct {
	URL      string   `json:"url"`
	Protocol Protocol `json:"protocol"`
	Alias    string   `json:"alias"`
}

// ImageAlias is a name for an image in the store.
type ImageAlias struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Image is the fingerprint; for a new alias also another alias, or the
	// beginning of a fingerprint.
	Image string `json:"image"`
	Type  Type   `json:"type,omitempty"`
}

// ImageRef says which image is meant.
type ImageRef struct {
	// Remote "" is LXD's own store.
	Remote RemoteName
	// Project is that of the store, "" for "default".
	Project string
	// Name is an alias, or the beginning of a fingerprint.
	Name string
	// Type tells apart what has one name on an image server. "": container.
	Type Type
}

// RefImage reads REMOTE:IMAGE.
func RefImage(text, project string) ImageRef {
	remote, name := SplitImage(text)
	return ImageRef{Remote: remote, Project: project, Name: name}
}

func (r ImageRef) String() string {
	if r.Remote == "" {
		return r.Name
	}
	return string(r.Remote) + ":" + r.Name
}

// Here reports, as an [ErrInvalid], that an image is not in LXD's own store, so
// that it is not for us to do something to it.
func (r ImageRef) Here(verb string) error {
	if r.Remote == "" {
		return nil
	}
	return Invalidf(`copy it with "lxd-pool image copy `+r.String()+`" first`, "cannot %s image %s: it is on a remote", verb, r)
}

func (r ImageRef) withDefaults() ImageRef {
	r.Project, r.Type = cmp.Or(r.Project, "default"), cmp.Or(r.Type, Container)
	return r
}

// ImageEdit is what to change about an image. What is left out stays.
type ImageEdit struct {
	// Properties are set; an empty value removes one.
	Properties map[string]string `json:"properties,omitempty"`
	Public     *bool             `json:"public,omitempty"`
	AutoUpdate *bool             `json:"auto-update,omitempty"`
}

var (
	imageAliasPattern    = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._/+-]{0,254}$`)
	imagePropertyPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$`)
)

func validateImageAlias(name string) error {
	if imageAliasPattern.MatchString(name) {
		return nil
	}
	return Invalidf("use letters, digits, dots, slashes, hyphens and underscores", "cannot use %q as an alias", name)
}

func validateImageProperties(properties map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		switch {
		case !imagePropertyPattern.MatchString(key):
			return Invalidf("use letters, digits, dots, hyphens and underscores", "cannot set property %q of an image", key)
		case strings.HasPrefix(key, "user.lxd-pool."):
			return Invalidf("choose another name", "cannot set property %q of an image: it would look like one of lxd-pool's tags", key)
		}
	}
	return nil
}

// Images lists what is in LXD's store, in a project, or on a remote, with the
// pools that need it. Of the filters all must fit: KEY=VALUE is about a property
// or a field such as type, anything else is part of an alias, a fingerprint or
// the description.
func (m *Manager) Images(ctx context.Context, remote RemoteName, project string, filters ...string) ([]Image, error) {
	power, err := powerOf[Images](m, "list images")
	if err != nil {
		return nil, err
	}
	all, err := power.Images(ctx, remote, cmp.Or(project, "default"))
	if err != nil {
		return nil, err
	}
	needs, err := m.imageNeeds(ctx)
	if err != nil {
		return nil, err
	}
	list := []Image{}
	for i := range all {
		if !slices.ContainsFunc(filters, func(f string) bool { return !all[i].fits(f) }) {
			all[i].needed(needs, remote, cmp.Or(project, "default"))
			list = append(list, all[i])
		}
	}
	slices.SortFunc(list, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.firstAlias(), b.firstAlias()), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return list, nil
}

func (i *Image) firstAlias() string {
	if len(i.Aliases) == 0 {
		return "~" // behind all that have one
	}
	return i.Aliases[0]
}

// fits reports whether a filter lets the image through.
func (i *Image) fits(filter string) bool {
	key, value, ok := strings.Cut(filter, "=")
	if !ok {
		contains := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(filter)) }
		return contains(i.Fingerprint) || contains(i.Properties["description"]) || slices.ContainsFunc(i.Aliases, contains)
	}
	fields := map[string]string{"type": string(i.Type), "architecture": i.Architecture, "public": yes(i.Public), "auto-update": yes(i.AutoUpdate), "cached": yes(i.Cached)}
	if field, known := fields[key]; known {
		return strings.EqualFold(field, value)
	}
	return strings.EqualFold(i.Properties[key], value)
}

func yes(is bool) string {
	if is {
		return "true"
	}
	return "false"
}

// Image returns one image, with the pools that need it.
func (m *Manager) Image(ctx context.Context, ref ImageRef) (*Image, error) {
	power, err := powerOf[Images](m, "show an image")
	if err != nil {
		return nil, err
	}
	ref = ref.withDefaults()
	image, err := power.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	needs, err := m.imageNeeds(ctx)
	if err != nil {
		return nil, err
	}
	image.needed(needs, ref.Remote, ref.Project)
	return image, nil
}

// EditImage changes an image in LXD's store.
func (m *Manager) EditImage(ctx context.Context, ref ImageRef, e ImageEdit) (*Image, error) {
	power, err := powerOf[Images](m, "change an image")
	if err == nil {
		err = ref.Here("change")
	}
	if err == nil {
		err = validateImageProperties(e.Properties)
	}
	if err != nil {
		return nil, err
	}
	return power.EditImage(ctx, ref.withDefaults(), e)
}

// RefreshImage fetches an image anew if there is another one where it came from,
// and reports whether there was. Pools that name it by an alias follow.
func (m *Manager) RefreshImage(ctx context.Context, ref ImageRef) (bool, error) {
	power, err := powerOf[Images](m, "refresh an image")
	if err == nil {
		err = ref.Here("refresh")
	}
	if err != nil {
		return false, err
	}
	return power.RefreshImage(ctx, ref.withDefaults())
}

// DeleteImage deletes an image of LXD's store. One that a pool needs is kept,
// with [ErrInUse], unless force: the instances that are there live on, and the
// template; when that is lost no more can be made.
func (m *Manager) DeleteImage(ctx context.Context, ref ImageRef, force bool) error {
	power, err := powerOf[Images](m, "delete an image")
	if err == nil {
		err = ref.Here("delete")
	}
	if err != nil {
		return err
	}
	image, err := m.Image(ctx, ref)
	if err != nil {
		return err
	}
	if len(image.Pools) > 0 && !force {
		return inUse("delete image "+ref.Name, image.Pools)
	}
	ref.Name = image.Fingerprint // the one that was judged, wherever an alias points by now
	return power.DeleteImage(ctx, ref.withDefaults())
}

// ImageAliases lists the aliases in LXD's store, by name.
func (m *Manager) ImageAliases(ctx context.Context, project string) ([]ImageAlias, error) {
	power, err := powerOf[Images](m, "list aliases")
	if err != nil {
		return nil, err
	}
	list, err := power.ImageAliases(ctx, cmp.Or(project, "default"))
	slices.SortFunc(list, func(a, b ImageAlias) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// CreateImageAlias gives an image of LXD's store one more name.
func (m *Manager) CreateImageAlias(ctx context.Context, project string, a ImageAlias) (*ImageAlias, error) {
	power, err := powerOf[Images](m, "make an alias")
	if err == nil {
		err = validateImageAlias(a.Name)
	}
	if err == nil {
		err = RefImage(a.Image, project).Here("give an alias to")
	}
	if err != nil {
		return nil, err
	}
	return power.CreateImageAlias(ctx, cmp.Or(project, "default"), a)
}

// DeleteImageAlias takes a name away; the image stays. One that a pool's spec
// names is kept, with [ErrInUse], unless force.
func (m *Manager) DeleteImageAlias(ctx context.Context, project, name string, force bool) error {
	power, err := powerOf[Images](m, "delete an alias")
	if err != nil {
		return err
	}
	project = cmp.Or(project, "default")
	needs, err := m.imageNeeds(ctx)
	if err != nil {
		return err
	}
	var by []PoolName
	for _, n := range needs {
		if n.image.Remote == "" && n.image.Name == name && n.image.Project == project {
			by = append(by, n.pool)
		}
	}
	if len(by) > 0 && !force {
		return inUse("delete alias "+name, by)
	}
	return power.DeleteImageAlias(ctx, project, name)
}

func inUse(doing string, by []PoolName) error {
	names := make([]string, len(by))
	for i, name := range by {
		names[i] = string(name)
	}
	return Errorf(ErrInUse, "give those pools another image, or use --force", "cannot %s: it is the image of pool %s", doing, strings.Join(names, ", "))
}

// imageNeed is what a pool needs of images.
type imageNeed struct {
	pool   PoolName
	image  ImageRef
	origin Origin
}

func (m *Manager) imageNeeds(ctx context.Context) ([]imageNeed, error) {
	var list []imageNeed
	for _, w := range m.all() {
		need, err := read(ctx, w, func(t *turn) (imageNeed, error) {
			return imageNeed{t.name, RefImage(t.x.spec.Image, t.x.spec.Project), t.x.Record.Origin}, nil
		})
		if err != nil && Code(err) != Code(ErrNoPool) { // deleted meanwhile
			return nil, err
		}
		if err == nil {
			list = append(list, need)
		}
	}
	return list, nil
}

// needed notes the pools that need the image: by its name, or because they are
// made from it now. An origin begins with the fingerprint of its image.
func (i *Image) needed(by []imageNeed, remote RemoteName, project string) {
	for _, n := range by {
		named := n.image.Remote == remote && (remote != "" || n.image.Project == project) &&
			(slices.Contains(i.Aliases, n.image.Name) || len(n.image.Name) >= 12 && strings.HasPrefix(i.Fingerprint, n.image.Name))
		if named || strings.HasPrefix(string(n.origin), i.Fingerprint) {
			i.Pools = append(i.Pools, n.pool)
		}
	}
}

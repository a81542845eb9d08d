package lxdbackend

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

var _ pool.Profiles = (*Backend)(nil)

// profileAt is the path of a profile, or of all for "".
func profileAt(project, name string) string {
	path := "/1.0/profiles"
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path + "?project=" + url.QueryEscape(cmp.Or(project, api.ProjectDefaultName))
}

// Profiles lists the profiles of a project, by name.
func (b *Backend) Profiles(ctx context.Context, project string) ([]*pool.Profile, error) {
	const what = "cannot list profiles"
	home, err := b.profileHome(ctx, project)
	if err != nil {
		return nil, fail(pool.ErrFailed, what, err)
	}
	var all []api.Profile
	if err := b.get(ctx, profileAt(project, "")+"&recursion=1", &all); err != nil {
		return nil, fail(pool.ErrFailed, what, err)
	}
	list := make([]*pool.Profile, len(all))
	for i := range all {
		list[i] = profileOf(&all[i], home)
	}
	slices.SortFunc(list, func(x, y *pool.Profile) int { return cmp.Compare(x.Name, y.Name) })
	return list, nil
}

// Profile returns one profile.
func (b *Backend) Profile(ctx context.Context, project, name string) (*pool.Profile, error) {
	what := "cannot show profile " + name
	home, err := b.profileHome(ctx, project)
	if err != nil {
		return nil, fail(pool.ErrFailed, what, err)
	}
	found, _, err := b.profile(ctx, project, name)
	if err != nil {
		return nil, fail(pool.ErrFailed, what, err)
	}
	return profileOf(found, home), nil
}

// profile reads a profile and its mark.
func (b *Backend) profile(ctx context.Context, project, name string) (*api.Profile, string, error) {
	answer, mark, err := b.lxd.Tagged(ctx, http.MethodGet, profileAt(project, name), nil, "")
	if notFound(err) {
		return nil, "", pool.Errorf(pool.ErrNotFound, `see "lxd-pool profile list --project `+cmp.Or(project, api.ProjectDefaultName)+`"`,
			"cannot find profile %q: project %q has none of that name", name, cmp.Or(project, api.ProjectDefaultName))
	}
	if err != nil {
		return nil, "", err
	}
	found := new(api.Profile)
	if err := json.Unmarshal(answer.Metadata, found); err != nil {
		return nil, "", &awayError{err}
	}
	return found, mark, nil
}

// profileHome is the project whose profiles a project uses.
func (b *Backend) profileHome(ctx context.Context, project string) (string, error) {
	project = cmp.Or(project, api.ProjectDefaultName)
	found, _, err := b.project(ctx, project)
	if err != nil {
		return "", err
	}
	if found.Config["features.profiles"] != "true" {
		return api.ProjectDefaultName, nil
	}
	return project, nil
}

func profileOf(p *api.Profile, home string) *pool.Profile {
	made := &pool.Profile{
		Name: p.Name, Project: home, Description: p.Description, Config: p.Config, Devices: p.Devices, UsedBy: p.UsedBy,
	}
	if made.Config == nil {
		made.Config = map[string]string{}
	}
	if made.Devices == nil {
		made.Devices = map[string]map[string]string{}
	}
	return made
}

func profileContent(p *pool.Profile) api.ProfilePut {
	return api.ProfilePut{Config: p.Config, Devices: p.Devices, Description: p.Description}
}

// CreateProfile makes a profile.
func (b *Backend) CreateProfile(ctx context.Context, project string, p *pool.Profile) error {
	what := "cannot create profile " + p.Name
	if _, err := b.profileHome(ctx, project); err != nil {
		return fail(pool.ErrFailed, what, err)
	}
	_, err := b.do(ctx, http.MethodPost, profileAt(project, ""), api.ProfilesPost{Name: p.Name, ProfilePut: profileContent(p)})
	if err == nil || away(err) {
		return fail(pool.ErrFailed, what, err)
	}
	if _, _, lookErr := b.profile(ctx, project, p.Name); lookErr == nil {
		return pool.Errorf(pool.ErrExists, `choose another name, or change it with "lxd-pool profile edit"`, "%s: there is one of that name", what)
	}
	return pool.Errorf(pool.ErrInvalid, remedyFor(err), "%s: LXD refuses it: %w", what, err)
}

// ReplaceProfile changes a profile that still has the content of from.
func (b *Backend) ReplaceProfile(ctx context.Context, project string, from, to *pool.Profile) error {
	what := "cannot change profile " + from.Name
	now, mark, err := b.profile(ctx, project, from.Name)
	if err != nil {
		return fail(pool.ErrFailed, what, err)
	}
	changed := pool.Errorf(pool.ErrChanged, "read it again and repeat the edit", "%s: it was changed since it was read", what)
	if !profileOf(now, "").Same(from) {
		return changed
	}
	err = b.putProfile(ctx, project, to, mark)
	switch {
	case err == nil || away(err):
		return fail(pool.ErrFailed, what, err)
	case api.StatusErrorCheck(err, http.StatusPreconditionFailed):
		return changed
	case savedAllTheSame(err):
		// LXD keeps the change though some instances could not take it.
		if back := b.putProfile(ctx, project, from, ""); back != nil && !savedAllTheSame(back) {
			return fail(pool.ErrFailed, what+": some instances cannot take it, and it cannot be put back", back)
		}
		err = &operationError{strings.Join(strings.Fields(err.Error()), " ")} // LXD's list of them, on one line
	}
	return pool.Errorf(pool.ErrInvalid, remedyFor(err), "%s: LXD refuses it: %w", what, err)
}

// savedAllTheSame tells an error after which LXD has kept the change.
func savedAllTheSame(err error) bool {
	return strings.Contains(err.Error(), "profile change still saved")
}

func (b *Backend) putProfile(ctx context.Context, project string, p *pool.Profile, mark string) error {
	return b.put(ctx, profileAt(project, p.Name), profileContent(p), mark)
}

// DeleteProfile deletes a profile that nothing uses.
func (b *Backend) DeleteProfile(ctx context.Context, project, name string) error {
	what := "cannot delete profile " + name
	now, _, err := b.profile(ctx, project, name)
	if err != nil {
		return fail(pool.ErrFailed, what, err)
	}
	_, err = b.do(ctx, http.MethodDelete, profileAt(project, name), nil)
	if err == nil || away(err) || notFound(err) {
		if notFound(err) {
			err = nil
		}
		return fail(pool.ErrFailed, what, err)
	}
	if len(now.UsedBy) > 0 {
		return pool.Errorf(pool.ErrInUse, "take it out of what uses it first", "%s: %s uses it", what, strings.Join(now.UsedBy, ", "))
	}
	return pool.Errorf(pool.ErrInvalid, "", "%s: LXD refuses it: %w", what, err)
}

// VetProfile has LXD judge an instance that has the content of its profiles in
// its own config and devices, with p in the place of the profile of that name.
func (b *Backend) VetProfile(ctx context.Context, o pool.Order, p *pool.Profile) error {
	o = filled(o)
	const what = "cannot use this spec"
	config, devices := map[string]string{}, map[string]map[string]string{}
	for _, name := range o.Spec.Profiles {
		content := profileContent(p)
		if name != p.Name {
			other, _, err := b.profile(ctx, project(o), name)
			if err != nil {
				return fail(pool.ErrRejected, what, err)
			}
			content = other.Writable()
		}
		maps.Copy(config, content.Config)
		maps.Copy(devices, content.Devices)
	}
	maps.Copy(config, o.Spec.Config)
	maps.Copy(devices, o.Spec.Devices)
	flat := *o.Spec
	flat.Profiles, flat.Config, flat.Devices = []string{}, config, devices
	o.Spec = &flat
	return fail(pool.ErrRejected, what, b.vetByMaking(ctx, o))
}

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

var _ pool.Projects = (*Backend)(nil)

// tagMade marks the projects that we made, in their config.
const tagMade = "user.lxd-pool.made"

func projectAt(name string) string { return "/1.0/projects/" + url.PathEscape(name) }

// Projects lists the projects, by name.
func (b *Backend) Projects(ctx context.Context) ([]*pool.Project, error) {
	var all []api.Project
	if err := b.get(ctx, "/1.0/projects?recursion=1", &all); err != nil {
		return nil, fail(pool.ErrFailed, "cannot list projects", err)
	}
	list := make([]*pool.Project, len(all))
	for i := range all {
		list[i] = projectOf(&all[i])
	}
	slices.SortFunc(list, func(x, y *pool.Project) int { return cmp.Compare(x.Name, y.Name) })
	return list, nil
}

// Project returns one project.
func (b *Backend) Project(ctx context.Context, name string) (*pool.Project, error) {
	found, _, err := b.project(ctx, name)
	if err != nil {
		return nil, fail(pool.ErrFailed, "cannot show project "+name, err)
	}
	return projectOf(found), nil
}

func projectOf(p *api.Project) *pool.Project {
	made := &pool.Project{
		Name: p.Name, Description: p.Description, Config: p.Config, Limits: map[string]string{},
		Restricted: p.Config["restricted"] == "true", Made: p.Config[tagMade] == "true",
	}
	for _, key := range pool.ProjectLimits {
		if value := p.Config["limits."+key]; value != "" {
			made.Limits[key] = value
		}
	}
	return made
}

// project reads a project and its mark.
func (b *Backend) project(ctx context.Context, name string) (*api.Project, string, error) {
	answer, mark, err := b.lxd.Tagged(ctx, http.MethodGet, projectAt(name), nil, "")
	if notFound(err) {
		return nil, "", pool.Errorf(pool.ErrNotFound, `see "lxd-pool project list", or make it with "lxd-pool init --project `+name+`"`,
			"cannot find project %q: LXD has none of that name", name)
	}
	if err != nil {
		return nil, "", err
	}
	found := new(api.Project)
	if err := json.Unmarshal(answer.Metadata, found); err != nil {
		return nil, "", &awayError{err}
	}
	return found, mark, nil
}

// InitProject makes a restricted project for pools, or changes one that it made.
func (b *Backend) InitProject(ctx context.Context, name string, limits, shares map[string]string) error {
	what := "cannot set up project " + name
	now, mark, err := b.project(ctx, name)
	switch {
	case isNotFound(err):
		err = b.makeProject(ctx, name, limits, shares)
	case err != nil:
	case now.Config[tagMade] != "true":
		return pool.Errorf(pool.ErrExists, "choose another name, or have pools made in it as it is: lxd-pool create --project "+name,
			"%s: there is one that lxd-pool did not make", what)
	default:
		err = b.changeProject(ctx, now, mark, limits, shares)
	}
	return fail(pool.ErrRejected, what, err)
}

func isNotFound(err error) bool {
	known, ok := err.(*pool.Error)
	return ok && known.Kind == pool.ErrNotFound
}

// makeProject makes all of it or nothing.
func (b *Backend) makeProject(ctx context.Context, name string, limits, shares map[string]string) error {
	config, err := b.projectConfig(ctx, map[string]string{
		// The images are those of the default project: what a pool names is there
		// already, and is stored once.
		"features.images": "false", "features.profiles": "true", tagMade: "true",
	}, limits)
	if err != nil {
		return err
	}
	profile, err := b.projectProfile(ctx, api.ProfilePut{}, shares)
	if err != nil {
		return err
	}
	post := api.ProjectsPost{Name: name, ProjectPut: api.ProjectPut{Config: config, Description: "Pools of lxd-pool"}}
	if _, err := b.do(ctx, http.MethodPost, "/1.0/projects", post); err != nil {
		return err
	}
	profile.Description = "Default LXD profile for project " + name
	err = b.put(ctx, profileAt(name, "default"), profile, "")
	if err == nil {
		return nil
	}
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	if _, left := b.do(tidy, http.MethodDelete, projectAt(name), nil); left != nil {
		// It is marked as ours, and is completed when this is done again.
		return fail(pool.ErrFailed, "cannot delete the half of project "+name+" that was made", left)
	}
	return err
}

// projectConfig adds to the config of a project what makes it fit for pools.
func (b *Backend) projectConfig(ctx context.Context, config, limits map[string]string) (map[string]string, error) {
	known, err := b.know(ctx)
	if err != nil {
		return nil, err
	}
	config = maps.Clone(config)
	config["restricted"] = "true"
	if known.has("projects_restricted_backups_and_snapshots") {
		config["restricted.snapshots"] = "allow" // recycle=reset, and what holders take
	}
	if known.has("projects_restricted_cluster_target") {
		config["restricted.cluster.target"] = "allow" // members are made where their template is
	}
	for _, key := range pool.ProjectLimits {
		delete(config, "limits."+key)
		if limits[key] != "" {
			config["limits."+key] = limits[key]
		}
	}
	return config, nil
}

// changeProject brings a project to its limits, and its default profile to the
// shares. LXD takes them in one order when limits shrink, in the other when they
// grow; what was changed is changed back if the rest is refused.
func (b *Backend) changeProject(ctx context.Context, now *api.Project, mark string, limits, shares map[string]string) error {
	config, err := b.projectConfig(ctx, now.Config, limits)
	if err != nil {
		return err
	}
	profile, profileMark, err := b.profile(ctx, now.Name, api.ProjectDefaultName)
	if err != nil {
		return err
	}
	content, err := b.projectProfile(ctx, profile.Writable(), shares)
	if err != nil {
		return err
	}
	before := now.Writable()
	after := before
	after.Config = config
	changes := []replacement{
		{profileAt(now.Name, api.ProjectDefaultName), profile.Writable(), content, profileMark},
		{projectAt(now.Name), before, after, mark},
	}
	if maps.Equal(config, now.Config) {
		changes = changes[:1]
	}
	if profileOf(profile, "").Same(&pool.Profile{Description: content.Description, Config: content.Config, Devices: content.Devices}) {
		changes = changes[1:]
	}
	refused := b.replaceAll(ctx, changes)
	if refused == nil || away(refused) || len(changes) < 2 {
		return refused
	}
	slices.Reverse(changes)
	if b.replaceAll(ctx, changes) == nil {
		return nil
	}
	return refused
}

// replacement is a change from one content of a path to another.
type replacement struct {
	path          string
	before, after any
	mark          string
}

// replaceAll makes all changes or none.
func (b *Backend) replaceAll(ctx context.Context, changes []replacement) error {
	for i, c := range changes {
		err := b.put(ctx, c.path, c.after, c.mark)
		if err == nil {
			continue
		}
		if away(err) {
			return err
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
		defer cancel()
		if savedAllTheSame(err) {
			i++
		}
		for _, done := range slices.Backward(changes[:i]) {
			if left := b.put(undo, done.path, done.before, ""); left != nil && !savedAllTheSame(left) {
				return fail(pool.ErrFailed, "cannot change back what was changed", left)
			}
		}
		return &operationError{strings.Join(strings.Fields(err.Error()), " ")}
	}
	return nil
}

// put replaces what is at a path, if it still has the mark that is given.
func (b *Backend) put(ctx context.Context, path string, body any, mark string) error {
	answer, _, err := b.lxd.Tagged(ctx, http.MethodPut, path, body, mark)
	if err != nil || answer.Type != api.AsyncResponse { // newer LXDs answer with an operation
		return err
	}
	op, err := answer.MetadataAsOperation()
	if err == nil {
		_, err = b.wait(ctx, op)
	}
	return err
}

// projectProfile adds to the default profile of a project what instances need,
// and the shares unless they are nil.
func (b *Backend) projectProfile(ctx context.Context, p api.ProfilePut, shares map[string]string) (api.ProfilePut, error) {
	config, devices := maps.Clone(p.Config), maps.Clone(p.Devices)
	if config == nil {
		config = map[string]string{}
	}
	root := rootOf(devices)
	if root == "" {
		var err error
		if devices, root, err = b.defaultDevices(ctx); err != nil {
			return p, err
		}
	}
	if shares != nil {
		for _, key := range []string{"cpu", "memory", "processes"} {
			delete(config, "limits."+key)
			if shares[key] != "" {
				config["limits."+key] = shares[key]
			}
		}
		disk := maps.Clone(devices[root])
		delete(disk, "size")
		if shares["disk"] != "" {
			disk["size"] = shares["disk"]
		}
		devices[root] = disk
	}
	p.Config, p.Devices = config, devices
	return p, nil
}

// rootOf names the root disk among devices, "" if there is none.
func rootOf(devices map[string]map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if d := devices[name]; d["type"] == "disk" && d["path"] == "/" {
			return name
		}
	}
	return ""
}

// defaultDevices copies the root disk and the network cards of the default
// profile of the default project.
func (b *Backend) defaultDevices(ctx context.Context) (devices map[string]map[string]string, root string, err error) {
	from, _, err := b.profile(ctx, "", api.ProjectDefaultName)
	if err != nil {
		return nil, "", err
	}
	root = rootOf(from.Devices)
	if root == "" {
		return nil, "", pool.Errorf(pool.ErrRejected, "give it one with \"lxd init\", or with \"lxd-pool profile set default device.root=type=disk,path=/,pool=POOL\"",
			"cannot take over the default profile: that of the default project has no root disk")
	}
	devices = map[string]map[string]string{root: maps.Clone(from.Devices[root])}
	for name, card := range from.Devices {
		if card["type"] != "nic" {
			continue
		}
		if devices[name], err = b.managedCard(ctx, name, card); err != nil {
			return nil, "", err
		}
	}
	return devices, root, nil
}

// managedCard is a network card as a restricted project takes it: on a network
// that LXD manages.
func (b *Backend) managedCard(ctx context.Context, name string, card map[string]string) (map[string]string, error) {
	network := cmp.Or(card["network"], card["parent"])
	var found api.Network
	err := b.get(ctx, "/1.0/networks/"+url.PathEscape(network), &found)
	if away(err) {
		return nil, err
	}
	if err != nil || !found.Managed {
		return nil, pool.Errorf(pool.ErrRejected, "make a network with \"lxc network create\" and put the card on it",
			"cannot take over the default profile: its network card %q is on no network that LXD manages, and a restricted project takes no other", name)
	}
	return map[string]string{"type": "nic", "name": cmp.Or(card["name"], name), "network": network}, nil
}

// DeleteProject deletes a project that we made and that is empty.
func (b *Backend) DeleteProject(ctx context.Context, name string) error {
	what := "cannot delete project " + name
	now, _, err := b.project(ctx, name)
	if err != nil {
		return fail(pool.ErrFailed, what, err)
	}
	if now.Config[tagMade] != "true" {
		return pool.Errorf(pool.ErrForbidden, "", "%s: lxd-pool did not make it", what)
	}
	_, err = b.do(ctx, http.MethodDelete, projectAt(name), nil)
	if err == nil || away(err) {
		return fail(pool.ErrFailed, what, err)
	}
	return pool.Errorf(pool.ErrInUse, "delete what is in it first: "+strings.Join(now.UsedBy, ", "), "%s: LXD refuses it: %w", what, err)
}

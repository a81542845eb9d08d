package pool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Project is an LXD project that pools can be in.
type Project struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Restricted: what is in it gets nothing by which it could leave its
	// instance, such as privilege, nesting, or disks of the host.
	Restricted bool `json:"restricted"`
	// Made: lxd-pool made it, and may change and delete it.
	Made bool `json:"made"`
	// Limits are on all that is in it together, by the names of [ProjectLimits].
	Limits map[string]string `json:"limits"`
	// Config is LXD's own.
	Config map[string]string `json:"config"`
	// Pools are those in it.
	Pools []PoolName `json:"pools"`
}

// ProjectLimits are the limits that a project can be given. LXD wants every
// instance to have a share of all but the first.
var ProjectLimits = []string{"instances", "cpu", "memory", "disk", "processes"}

// Projects is a power that a [Backend] may have: the projects of LXD.
type Projects interface {
	// Projects lists the projects, by name.
	Projects(ctx context.Context) ([]*Project, error)
	// Project returns one, or [ErrNotFound].
	Project(ctx context.Context, name string) (*Project, error)
	// InitProject nil: there is a restricted project of that name that was made
	// by us, with these limits and no others, in which instances with snapshots
	// can be made. Its default profile has a root disk and a network card like
	// those of the default project, and, unless they are nil, these shares: "cpu",
	// "memory", "disk" and "processes" of each instance. On error nothing has
	// changed. [ErrExists]: there is one that was not made by us.
	InitProject(ctx context.Context, name string, limits, shares map[string]string) error
	// DeleteProject deletes one that was made by us and is empty.
	DeleteProject(ctx context.Context, name string) error
}

// Projects lists the projects of LXD, with the pools in them.
func (m *Manager) Projects(ctx context.Context) ([]*Project, error) {
	power, err := powerOf[Projects](m, "list projects")
	if err != nil {
		return nil, err
	}
	list, err := power.Projects(ctx)
	if err != nil {
		return nil, err
	}
	return list, m.tellPools(ctx, list...)
}

// Project returns a project of LXD, with the pools in it.
func (m *Manager) Project(ctx context.Context, name string) (*Project, error) {
	power, err := powerOf[Projects](m, "show a project")
	if err != nil {
		return nil, err
	}
	return m.project(ctx, power, name)
}

func (m *Manager) project(ctx context.Context, power Projects, name string) (*Project, error) {
	p, err := power.Project(ctx, name)
	if err != nil {
		return nil, err
	}
	return p, m.tellPools(ctx, p)
}

// tellPools notes in projects which pools are in them.
func (m *Manager) tellPools(ctx context.Context, projects ...*Project) error {
	all, err := m.Pools(ctx)
	for _, p := range projects {
		p.Pools = []PoolName{}
		for _, status := range all {
			if status.Spec.WithDefaults().Project == p.Name {
				p.Pools = append(p.Pools, status.Name)
			}
		}
	}
	return err
}

// InitProject makes a restricted project for pools, or brings one that it made
// to these limits: those that are named change, "" takes one away, the others
// stay. With cpu, memory, disk or processes limited, the default profile of the
// project gives each instance an equal share, by the limit of instances. Doing
// it again changes nothing. On error nothing has changed.
func (m *Manager) InitProject(ctx context.Context, name string, limits map[string]string) (*Project, error) {
	power, err := powerOf[Projects](m, "set up a project")
	if err != nil {
		return nil, err
	}
	if err := validateProject(name, limits); err != nil {
		return nil, err
	}
	before, err := power.Project(ctx, name)
	if errors.Is(err, ErrNotFound) {
		before, err = &Project{}, nil
	}
	if err != nil {
		return nil, err
	}
	all := maps.Clone(limits)
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range before.Limits {
		if _, changes := all[key]; !changes {
			all[key] = value
		}
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	var shares map[string]string
	if len(limits) > 0 {
		if shares, err = projectShares(all); err != nil {
			return nil, err
		}
	}
	if err := power.InitProject(ctx, name, all, shares); err != nil {
		return nil, err
	}
	made, err := m.project(ctx, power, name)
	if err == nil {
		m.resolveSoon(made.Pools)
	}
	return made, err
}

// DeleteProject deletes a project that InitProject made and in which nothing is
// left. One with pools is refused with [ErrInUse].
func (m *Manager) DeleteProject(ctx context.Context, name string) error {
	power, err := powerOf[Projects](m, "delete a project")
	if err != nil {
		return err
	}
	p, err := m.project(ctx, power, name)
	if err != nil {
		return err
	}
	if len(p.Pools) > 0 {
		return Errorf(ErrInUse, fmt.Sprintf("delete it first with \"lxd-pool delete %s\"", p.Pools[0]),
			"cannot delete project %s: pool %s is in it", name, joinNames(p.Pools))
	}
	if !p.Made {
		return Errorf(ErrForbidden, fmt.Sprintf("delete it with \"lxc project delete %s\" if you want to", name),
			"cannot delete project %s: lxd-pool did not make it", name)
	}
	return power.DeleteProject(ctx, name)
}

var projectNamePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$`)

func validateProject(name string, limits map[string]string) error {
	switch {
	case name == "default":
		return Invalidf("choose another name", "cannot set up project default: it belongs to everybody on this LXD")
	case !projectNamePattern.MatchString(name):
		return Invalidf("use letters, digits and hyphens", "cannot use %q as the name of a project: it is not a name that LXD would take", name)
	}
	for _, key := range slices.Sorted(maps.Keys(limits)) {
		if !slices.Contains(ProjectLimits, key) {
			return Invalidf("the limits are "+strings.Join(ProjectLimits, ", "), "cannot limit %q: a project has no such limit", key)
		}
		if _, err := limitValue(key, limits[key]); err != nil && limits[key] != "" {
			return err
		}
	}
	return nil
}

// projectShares returns what each instance gets of the limits of a project.
func projectShares(limits map[string]string) (map[string]string, error) {
	shares := map[string]string{}
	for _, key := range ProjectLimits[1:] {
		if limits[key] == "" {
			continue
		}
		if limits["instances"] == "" {
			return nil, Invalidf("add --limit instances=N",
				"cannot limit %s without limiting instances: LXD wants each instance to have its share of it", key)
		}
		n, err := limitValue("instances", limits["instances"])
		if err != nil {
			return nil, err
		}
		total, err := limitValue(key, limits[key])
		if err != nil {
			return nil, err
		}
		share := total / n
		text := strconv.FormatInt(share, 10)
		if isSize(key) {
			share = total / n >> 20
			text = fmt.Sprintf("%dMiB", share)
		}
		if share == 0 {
			return nil, Invalidf("raise it, or lower instances", "cannot share %s=%s among %d instances: too little is left for each", key, limits[key], n)
		}
		shares[key] = text
	}
	return shares, nil
}

func isSize(key string) bool { return key == "memory" || key == "disk" }

var (
	sizePattern = regexp.MustCompile(`^([0-9]{1,15}) ?([kKMGTPE]?)(i?)B?$`)
	sizePowers  = map[string]int{"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
)

// limitValue reads the value of a limit of a project: a number, or of memory and
// disk a size as LXD writes it.
func limitValue(key, text string) (int64, error) {
	if !isSize(key) {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 {
			return 0, Invalidf("", "cannot use %s=%q: it must be a whole number above 0", key, text)
		}
		return n, nil
	}
	bad := Invalidf("write it like 512MiB or 100GiB", "cannot use %s=%q: it is not a size", key, text)
	parts := sizePattern.FindStringSubmatch(text)
	if parts == nil || parts[2] == "" && parts[3] != "" {
		return 0, bad
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	base := 1000.0
	if parts[3] == "i" {
		base = 1024
	}
	value := float64(n) * math.Pow(base, float64(sizePowers[parts[2]]))
	if err != nil || value < 1 || value > math.MaxInt64/2 {
		return 0, bad
	}
	return int64(value), nil
}

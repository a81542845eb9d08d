package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

func (c *cli) profile() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "profile",
		Short: "Work with the LXD profiles that pools use",
		Long: `Work with the LXD profiles of the project that pools are in. A pool names its
profiles in its spec: "lxd-pool set ci profiles=default,small" assigns them. When one
is changed, idle instances of the pools that use it are replaced a few at a time, and
leased ones after their lease.`,
		Example: `  lxd-pool profile list
  lxd-pool profile create small config.limits.memory=512MiB
  lxd-pool set ci profiles=default,small`,
	}, c.profileList, c.profileShow, c.profileCreate, c.profileEdit, c.profileSet, c.profileDelete)
}

// projectFlag gives a command the flag --project.
func projectFlag(cmd *cobra.Command) *string {
	project := cmd.Flags().String("project", "", "LXD project (default \"default\")")
	kinds(cmd.Flags(), "project", "PROJECT")
	complete(cmd, "project")
	return project
}

func (c *cli) profileList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the profiles",
		Long: `List the profiles of an LXD project. POOLS are those that name the profile in their
spec; USED BY counts what LXD knows that uses it, instances of pools and others.`,
		Example: `  lxd-pool profile list
  lxd-pool profile list --project ci -f csv -c np`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	project := projectFlag(cmd)
	l := newListing(cmd, func(p *api.Profile) string { return p.Name },
		column[*api.Profile]{'n', "NAME", func(p *api.Profile) string { return p.Name }},
		column[*api.Profile]{'d', "DESCRIPTION", func(p *api.Profile) string { return p.Description }},
		column[*api.Profile]{'p', "POOLS", func(p *api.Profile) string { return joined(p.Pools) }},
		column[*api.Profile]{'u', "USED BY", func(p *api.Profile) string { return strconv.Itoa(len(p.UsedBy)) }},
	)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		list, err := c.client().Profiles(ctx, *project)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func joined(names []pool.PoolName) string {
	text := ""
	for i, name := range names {
		if i > 0 {
			text += ", "
		}
		text += string(name)
	}
	return text
}

func (c *cli) profileShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show PROFILE",
		Short: "Show a profile, and what uses it",
		Example: `  lxd-pool profile show default
  lxd-pool profile show default -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.profileNames),
	}
	project, format := projectFlag(cmd), formatFlag(cmd, asYAML, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		p, err := c.client().Profile(ctx, *project, args[0])
		if err != nil {
			return err
		}
		_, err = format.print(c.out, p)
		return err
	})
	return cmd
}

func (c *cli) profileCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create PROFILE [KEY=VALUE]...",
		Short: "Make a profile",
		Long: `Make a profile: empty, from keys (description, config.KEY and device.NAME), or from
YAML on standard input when that is not a terminal and no keys are given.`,
		Example: `  lxd-pool profile create small config.limits.memory=512MiB
  lxd-pool profile create data device.data=type=disk,source=/srv,path=/srv,readonly=true
  lxc profile show gpu | lxd-pool profile create gpu`,
		Args:              atLeast(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		p, err := c.newProfile(cmd, args[1:])
		if err != nil {
			return err
		}
		p.Name = args[0]
		_, err = c.client().CreateProfile(ctx, *project, p)
		return err
	})
	return cmd
}

// newProfile reads the content of a new profile, from keys or standard input.
func (c *cli) newProfile(cmd *cobra.Command, args []string) (p pool.Profile, err error) {
	if len(args) == 0 && !term.IsTerminal(int(c.in.Fd())) {
		return c.readProfile()
	}
	keys, err := pairs(cmd, args)
	if err != nil {
		return p, err
	}
	for key, value := range keys {
		if err := p.Set(key, value); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (c *cli) readProfile() (pool.Profile, error) {
	text, err := io.ReadAll(c.in)
	if err != nil {
		return pool.Profile{}, fmt.Errorf("cannot read the profile: %w", err)
	}
	return parseProfile(text)
}

func parseProfile(text []byte) (pool.Profile, error) {
	p, err := specyaml.Profile(text)
	if err != nil {
		return p, pool.Invalidf("", "cannot read the profile: %w", err)
	}
	return p, nil
}

func (c *cli) profileEdit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit PROFILE",
		Short: "Edit a profile as YAML",
		Long: `Edit a profile as YAML, in the editor that VISUAL or EDITOR names. One that somebody
else has changed meanwhile is not overwritten, and a change that would leave a pool
unable to make instances is refused. When standard input is not a terminal the
content is read from it; what "show" prints will do.`,
		Example: `  lxd-pool profile edit small
  lxd-pool profile edit small <small.yaml`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.profileNames),
	}
	project := projectFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if term.IsTerminal(int(c.in.Fd())) {
			return c.editProfile(cmd.Context(), *project, args[0])
		}
		p, err := c.readProfile()
		if err == nil {
			_, err = c.client().PutProfile(cmd.Context(), *project, args[0], p, "")
		}
		return err
	}
	return cmd
}

const profileHelp = `# A profile of LXD: config has a value for each key, devices have keys for each name.
# Its pools, what uses it and its name are not read back.
`

func (c *cli) editProfile(ctx context.Context, project, name string) error {
	before, err := c.client().Profile(ctx, project, name)
	if err != nil {
		return err
	}
	text, err := specyaml.Marshal(before)
	if err != nil {
		return err
	}
	return c.editText(name, profileHelp, text, func(edited []byte) error {
		p, err := parseProfile(edited)
		if err == nil {
			_, err = c.client().PutProfile(ctx, project, name, p, before.ETag)
		}
		return err
	})
}

func (c *cli) profileSet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set PROFILE KEY=VALUE...",
		Short: "Set keys of a profile",
		Long: `Set keys of a profile, all of them or none: description, config.KEY and device.NAME.
An empty value removes.`,
		Example: `  lxd-pool profile set small config.limits.memory=1GiB config.limits.cpu=
  lxd-pool profile set small device.data=type=disk,source=/srv,path=/srv,readonly=true`,
		Args:              atLeast(2),
		ValidArgsFunction: completing(1, c.profileNames),
	}
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		keys, err := pairs(cmd, args[1:])
		if err == nil {
			_, err = c.client().SetProfile(ctx, *project, args[0], keys)
		}
		return err
	})
	return cmd
}

func (c *cli) profileDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete PROFILE...",
		Aliases: []string{"rm"},
		Short:   "Delete profiles",
		Long:    `Delete profiles. One that a pool or an instance uses is refused.`,
		Example: `  lxd-pool profile delete small
  lxd-pool profile delete --project ci small large`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.profileNames),
	}
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(name string) error { return c.client().DeleteProfile(ctx, *project, name) })
	})
	return cmd
}

func (c *cli) profileNames(ctx context.Context) []string {
	list, err := c.client().Profiles(ctx, "")
	if err != nil {
		return nil
	}
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name
	}
	return names
}

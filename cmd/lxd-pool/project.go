package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) initVerb() *cobra.Command {
	var name string
	limits := newPairs("KEY=VALUE")
	cmd := &cobra.Command{
		Use:   "init --project PROJECT",
		Short: "Set up a restricted LXD project for pools",
		Long: `Set up an LXD project for pools, in which no instance can get what would let it out:
no privilege, no nesting, no disks or devices of the host. Its default profile has a
root disk and a network card like those of the default project; images are those of
the default project.

The limits are on all instances of the project together, templates too. They are
` + strings.Join(pool.ProjectLimits, ", ") + `; of all but the first, each instance
gets an equal share from the default profile.

Doing it again changes the limits that are named (an empty value takes one away), and
nothing else. A project that lxd-pool did not make is left alone.`,
		Example: `  lxd-pool init --project pools
  lxd-pool init --project pools --limit instances=50 --limit memory=100GiB --limit disk=500GiB
  lxd-pool create ci --image ubuntu:24.04 --size 10 --project pools`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		if name == "" {
			return usageError{"it takes --project PROJECT", cmd}
		}
		p, err := c.client().InitProject(ctx, name, limits.pairs)
		if err != nil {
			return err
		}
		if c.quiet {
			fmt.Fprintln(c.out, p.Name)
			return nil
		}
		fmt.Fprintf(c.out, "Project %s is ready for pools: lxd-pool create POOL --image IMAGE --project %s\n", p.Name, p.Name)
		return nil
	})
	flags := cmd.Flags()
	flags.StringVar(&name, "project", "", "the LXD project to make, or to make again")
	kinds(flags, "project", "PROJECT")
	flags.VarP(limits, "limit", "l", "limit on all of it together, such as instances=50; more than one are allowed")
	complete(cmd, "project")
	complete(cmd, "limit", withEquals(pool.ProjectLimits)...)
	return cmd
}

func withEquals(words []string) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = word + "="
	}
	return list
}

func (c *cli) project() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "project",
		Short: "Look at the LXD projects that pools can be in",
		Long:  `Look at the LXD projects that pools can be in. "lxd-pool init" makes one for pools.`,
		Example: `  lxd-pool project list
  lxd-pool project show pools`,
	}, c.projectList, c.projectShow, c.projectDelete)
}

func (c *cli) projectList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the projects",
		Long: `List the projects of LXD. MADE says whether lxd-pool made it; LIMITS are on all
instances in it together.`,
		Example: `  lxd-pool project list
  lxd-pool project list -f csv -c np`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l := newListing(cmd, func(p *pool.Project) string { return p.Name },
		column[*pool.Project]{'n', "NAME", func(p *pool.Project) string { return p.Name }},
		column[*pool.Project]{'r', "RESTRICTED", func(p *pool.Project) string { return yesNo(p.Restricted) }},
		column[*pool.Project]{'m', "MADE", func(p *pool.Project) string { return yesNo(p.Made) }},
		column[*pool.Project]{'l', "LIMITS", projectLimits},
		column[*pool.Project]{'p', "POOLS", func(p *pool.Project) string { return joined(p.Pools) }},
	)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		list, err := c.client().Projects(ctx)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func projectLimits(p *pool.Project) string {
	var list []string
	for _, key := range pool.ProjectLimits {
		if value := p.Limits[key]; value != "" {
			list = append(list, key+"="+value)
		}
	}
	return strings.Join(list, " ")
}

func (c *cli) projectShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show PROJECT",
		Short: "Show a project: its limits, its config and the pools in it",
		Example: `  lxd-pool project show pools
  lxd-pool project show pools -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.projectNames),
	}
	format := formatFlag(cmd, asYAML, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		p, err := c.client().Project(ctx, args[0])
		if err != nil {
			return err
		}
		_, err = format.print(c.out, p)
		return err
	})
	return cmd
}

func (c *cli) projectDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "delete PROJECT...",
		Aliases:           []string{"rm"},
		Short:             "Delete projects that lxd-pool made",
		Long:              `Delete projects that lxd-pool made and in which nothing is left but their profiles.`,
		Example:           "  lxd-pool project delete pools",
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.projectNames),
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(name string) error { return c.client().DeleteProject(ctx, name) })
	})
	return cmd
}

func (c *cli) projectNames(ctx context.Context) []string {
	list, err := c.client().Projects(ctx)
	if err != nil {
		return nil
	}
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name
	}
	return names
}

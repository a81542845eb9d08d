package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) list() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the pools",
		Long: `List the pools. BUILT/MAX is how many instances exist in all, also while they come
or go, and how many may; KEPT BY is what changes the pool: commands, "snap set", or the
daemon's configuration; STATE is "ok" or what is wrong, see "status".`,
		Example: `  lxd-pool list
  lxd-pool list -f csv -c nr`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l := newListing(cmd, func(p *api.Pool) string { return string(p.Name) },
		column[*api.Pool]{'n', "NAME", func(p *api.Pool) string { return string(p.Name) }},
		column[*api.Pool]{'i', "IMAGE", func(p *api.Pool) string { return p.Spec.Image }},
		column[*api.Pool]{'t', "TYPE", func(p *api.Pool) string { return string(p.Spec.WithDefaults().Type) }},
		column[*api.Pool]{'s', "SIZE", func(p *api.Pool) string { return strconv.Itoa(p.Spec.Size) }},
		column[*api.Pool]{'r', "READY", func(p *api.Pool) string { return strconv.Itoa(p.Counts.Ready) }},
		column[*api.Pool]{'l', "LEASED", func(p *api.Pool) string { return strconv.Itoa(p.Counts.Leased) }},
		column[*api.Pool]{'b', "BUILT/MAX", func(p *api.Pool) string {
			return fmt.Sprintf("%d/%d", p.Counts.Built(), p.Spec.WithDefaults().Max)
		}},
		column[*api.Pool]{'w', "WAITING", func(p *api.Pool) string { return strconv.Itoa(p.Counts.Waiting) }},
		column[*api.Pool]{'k', "KEPT BY", keptBy},
		column[*api.Pool]{'S', "STATE", poolState},
	)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		pools, err := c.client().Pools(ctx)
		if err != nil {
			return err
		}
		return l.print(c, pools)
	})
	return cmd
}

// keptBy names what changes a pool.
func keptBy(p *api.Pool) string {
	switch p.Keeper {
	case "":
		return "commands"
	case pool.KeeperSnap:
		return "snap set"
	}
	return "configuration"
}

// poolState is a word for how a pool is.
func poolState(p *api.Pool) string {
	var words []string
	switch {
	case p.Doomed:
		words = append(words, "going")
	case p.Unkept:
		words = append(words, "draining")
	case p.Disabled:
		words = append(words, "disabled")
	}
	for _, problem := range p.Problems {
		words = append(words, problem.Code)
	}
	if len(words) == 0 {
		return "ok"
	}
	return strings.Join(words, ", ")
}

package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// completeWithin is how long a shell waits for names.
const completeWithin = 2 * time.Second

// names asks the daemon for names that an argument may be.
type names func(ctx context.Context) []string

// completing makes arguments complete with what the daemon has. most is how
// many there may be, below 0 any number.
func completing(most int, sources ...names) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.Background(), completeWithin)
		defer cancel()
		var list []cobra.Completion
		for _, source := range sources {
			for _, name := range source(ctx) {
				if strings.HasPrefix(name, begun) && !slices.Contains(args, name) {
					list = append(list, name)
				}
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// complete makes a flag complete with these words and nothing else.
func complete(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

func (c *cli) poolNames(ctx context.Context) []string {
	pools, err := c.client().Pools(ctx)
	if err != nil {
		return nil
	}
	list := make([]string, len(pools))
	for i, p := range pools {
		list[i] = string(p.Name)
	}
	return list
}

func (c *cli) remoteNames(ctx context.Context) []string {
	remotes, err := c.client().Remotes(ctx)
	if err != nil {
		return nil
	}
	list := make([]string, len(remotes))
	for i, r := range remotes {
		list[i] = string(r.Name)
	}
	return list
}

func (c *cli) leaseNames(ctx context.Context) []string {
	leases, err := c.client().Leases(ctx, "", false)
	if err != nil {
		return nil
	}
	list := make([]string, len(leases))
	for i, l := range leases {
		list[i] = string(l.ID)
	}
	return list
}

func (c *cli) instanceNames(ctx context.Context) []string {
	instances, err := c.client().Instances(ctx, "")
	if err != nil {
		return nil
	}
	list := make([]string, len(instances))
	for i, in := range instances {
		list[i] = string(in.Name)
	}
	return list
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) set() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set POOL KEY=VALUE...",
		Short: "Set keys of a pool's spec",
		Long: `Set keys of a pool's spec, all of them or none. The keys are those of "create",
with config.KEY and device.NAME for LXD's own. An empty value means the default, or
removes a config key or a device; profiles=none means no profile at all. Ready
instances that no longer are what the spec asks for are replaced a few at a time,
leased ones after their lease.`,
		Example: `  lxd-pool set ci size=20 ttl=30m
  lxd-pool set ci config.limits.cpu=2 device.srv=type=disk,source=/srv,path=/srv
  lxd-pool set ci profiles=default,gpu
  lxd-pool set ci probe=`,
		Args:              atLeast(2),
		ValidArgsFunction: c.completeSet,
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		keys, err := pairs(cmd, args[1:])
		if err == nil {
			_, err = c.client().SetPool(ctx, pool.PoolName(args[0]), keys)
		}
		return err
	})
	return cmd
}

// pairs reads arguments of the form KEY=VALUE.
func pairs(cmd *cobra.Command, args []string) (map[string]string, error) {
	keys := map[string]string{}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, usageError{fmt.Sprintf("%q is not KEY=VALUE", arg), cmd}
		}
		keys[key] = value
	}
	return keys, nil
}

func (c *cli) completeSet(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completing(1, c.poolNames)(cmd, args, begun)
	}
	var list []cobra.Completion
	for _, key := range pool.SpecKeys {
		if strings.HasPrefix(key.Name, begun) {
			list = append(list, cobra.CompletionWithDesc(key.Name+"=", key.Help))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) tokenNoun() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "token",
		Short: "Admit people and programs by a secret of their own",
		Long: `Admit people and programs by a secret of their own, over the network and over the
socket. What they do is done as the holder token:NAME. For operators.`,
		Example: `  lxd-pool token create runner --role consumer --pools ci --max-leases 10 --expires 30d
  lxd-pool token list
  lxd-pool token revoke runner --revoke-leases`,
	}, c.tokenCreate, c.tokenList, c.tokenShow, c.tokenRevoke)
}

func (c *cli) tokenCreate() *cobra.Command {
	n := pool.NewToken{Role: pool.TokenConsumer}
	var pools []string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token, and print its secret once",
		Long: `Make a token, and print its secret. The daemon keeps only a hash of it: what is not
noted down now is lost. A name is never used twice. An operator's token that is for some
pools only works on those and makes no tokens.`,
		Example: `  lxd-pool token create runner --pools ci --max-leases 10 --expires 30d >token
  lxd-pool token create prometheus --role viewer`,
		Args:              exactly(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&n.Role), "role", string(n.Role), "what it allows: operator, consumer or viewer")
	flags.StringSliceVar(&pools, "pools", nil, "for these pools only (default: all)")
	flags.IntVar(&n.MaxLeases, "max-leases", 0, "leases that its holder has at once, over all pools; 0: any number")
	flags.Var(durationValue{duration: &n.Expires}, "expires", "how long it is good, such as 12h or 30d; 0s: until it is revoked")
	kinds(flags, "role", "ROLE", "pools", "POOL,...", "max-leases", "N", "expires", "DURATION")
	complete(cmd, "role", string(pool.TokenOperator), string(pool.TokenConsumer), string(pool.TokenViewer))
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		n.Name = args[0]
		for _, name := range pools {
			n.Pools = append(n.Pools, pool.PoolName(name))
		}
		made, err := c.client().CreateToken(ctx, n)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.out, made.Token)
		return err
	})
	return cmd
}

func (c *cli) tokenList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the tokens, those that have ended too",
		Example: `  lxd-pool token list
  lxd-pool token list -f csv`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l := newListing(cmd, func(n pool.NamedToken) string { return n.Name },
		column[pool.NamedToken]{'n', "NAME", func(n pool.NamedToken) string { return n.Name }},
		column[pool.NamedToken]{'r', "ROLE", func(n pool.NamedToken) string { return string(n.Role) }},
		column[pool.NamedToken]{'p', "POOLS", poolsText},
		column[pool.NamedToken]{'m', "MAX LEASES", func(n pool.NamedToken) string { return mostText(n.MaxLeases) }},
		column[pool.NamedToken]{'e', "EXPIRES", func(n pool.NamedToken) string { return endText(n.Expires) }},
		column[pool.NamedToken]{'s', "STATE", func(n pool.NamedToken) string { return string(n.State) }},
	)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		list, err := c.client().Tokens(ctx)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func poolsText(n pool.NamedToken) string {
	if len(n.Pools) == 0 {
		return "all"
	}
	names := make([]string, len(n.Pools))
	for i, name := range n.Pools {
		names[i] = string(name)
	}
	return strings.Join(names, ",")
}

func mostText(n int) string {
	if n == 0 {
		return "any"
	}
	return strconv.Itoa(n)
}

func endText(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return when(*t)
}

func (c *cli) tokenShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show a token, but not its secret",
		Example:           `  lxd-pool token show runner`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.tokenNames),
	}
	format := formatFlag(cmd, asYAML, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		n, err := c.client().TokenNamed(ctx, args[0])
		if err != nil {
			return err
		}
		_, err = format.print(c.out, n)
		return err
	})
	return cmd
}

func (c *cli) tokenRevoke() *cobra.Command {
	leases := false
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "End a token, and what its users have under way",
		Long: `End a token at once, and what its users have under way with it: waiting, commands,
streams. The leases of its holder last until they expire, with their own tokens, unless
they are revoked too.`,
		Example: `  lxd-pool token revoke runner
  lxd-pool token revoke runner --revoke-leases`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.tokenNames),
	}
	cmd.Flags().BoolVar(&leases, "revoke-leases", false, "revoke the leases of its holder too")
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		if _, err := c.client().RevokeToken(ctx, args[0], leases); err != nil {
			return err
		}
		return c.done(args[0], "Token %s is revoked.", args[0])
	})
	return cmd
}

func (c *cli) tokenNames(ctx context.Context) []string {
	list, err := c.client().Tokens(ctx)
	if err != nil {
		return nil
	}
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = n.Name
	}
	return names
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) events() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events [POOL]",
		Short: "Follow what happens",
		Long: `Follow what happens from now on, until Ctrl-C. With -f json every event is one line.
Those who do not operate the daemon see what happens to their own leases.`,
		Example: `  lxd-pool events
  lxd-pool events ci -f json`,
		Args:              between(0, 1),
		ValidArgsFunction: completing(1, c.poolNames),
	}
	format := formatFlag(cmd, asText, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		for e, err := range c.client().Watch(ctx, pool.PoolName(first(args))) {
			if err != nil {
				return err
			}
			if err := c.printEvent(e, format.name); err != nil {
				return err
			}
		}
		// Ctrl-C is how one ends this.
		if by, ok := errors.AsType[interrupted](context.Cause(ctx)); ok {
			return exitStatus(128 + int(by.signal))
		}
		return nil
	})
	return cmd
}

func (c *cli) printEvent(e pool.Event, format string) error {
	if format == asJSON {
		line := json.NewEncoder(c.out)
		line.SetEscapeHTML(false)
		return line.Encode(e)
	}
	words := []string{when(e.Time), fmt.Sprintf("%-16s", e.Type)}
	for _, word := range []string{string(e.Pool), string(e.Lease), string(e.Instance), e.Message} {
		if word != "" {
			words = append(words, word)
		}
	}
	_, err := fmt.Fprintln(c.out, strings.TrimRight(strings.Join(words, "  "), " "))
	return err
}

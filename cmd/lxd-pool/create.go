package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) create() *cobra.Command {
	var spec pool.Spec
	var wait bool
	timeout := pool.Duration(10 * time.Minute)
	cmd := &cobra.Command{
		Use:   "create POOL",
		Short: "Make a pool",
		Long: `Make a pool of instances that are all made the same way. The command returns when
LXD has agreed to what was asked for; the instances are made behind it.`,
		Example: `  lxd-pool create ci --image ubuntu:24.04 --size 10
  # At most 40 instances, with a package in all of them, and wait until 10 are ready.
  lxd-pool create ci --image ubuntu:24.04 --size 10 --max 40 --setup install.sh --wait
  # Small ones that are put back to a snapshot after use.
  lxd-pool create small --image ubuntu:24.04 --size 4 --recycle reset -c limits.memory=1GiB`,
		Args:              exactly(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: verb(func(ctx context.Context, args []string) error {
			name := pool.PoolName(args[0])
			made, err := c.client().CreatePool(ctx, name, spec)
			if err != nil {
				return err
			}
			if !wait {
				return c.created(name)
			}
			if err := c.fill(ctx, name, made.Spec.Size, timeout); err != nil {
				return err
			}
			return c.created(name)
		}),
	}
	c.specFlags(cmd, &spec)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until as many are ready as --size says")
	cmd.Flags().Var(durationValue{duration: &timeout}, "timeout", "how long --wait waits")
	return cmd
}

func (c *cli) created(name pool.PoolName) error {
	if c.quiet {
		fmt.Fprintln(c.out, name)
		return nil
	}
	fmt.Fprintf(c.out, "Pool %s is made.\n", name)
	return nil
}

// fillEvery is how often a pool is looked at while it is waited for.
const fillEvery = 200 * time.Millisecond

// fill waits until a pool has size ready ones. The pool stays as it is when
// they do not come.
func (c *cli) fill(ctx context.Context, name pool.PoolName, size int, timeout pool.Duration) error {
	p := c.progress("making instances", size)
	defer p.done()
	tick := time.NewTicker(fillEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Duration(timeout)); ; {
		now, err := c.client().Pool(ctx, name)
		if err != nil {
			return err
		}
		if now.Counts.Ready+now.Counts.Leased >= size {
			return nil
		}
		text, why := fmt.Sprintf("%d of %d ready", now.Counts.Ready, size), ""
		if len(now.Problems) > 0 {
			why = ": " + now.Problems[0].Text
		}
		p.say(text+why, now.Counts.Ready)
		if time.Now().After(deadline) {
			return pool.Errorf(pool.ErrExhausted, fmt.Sprintf("the pool goes on; see %q", "lxd-pool status "+string(name)),
				"cannot wait longer than %s for pool %s: %s%s", timeout, name, text, why)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

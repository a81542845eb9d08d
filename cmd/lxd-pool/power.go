package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// whileOff is what every holder should know who stops an instance.
const whileOff = `The lease goes on and ends at its own time; the
instance is then cleaned as ever.`

func (c *cli) stop() *cobra.Command {
	return c.power(pool.PowerStop, "is stopped", &cobra.Command{
		Use:   "stop LEASE...",
		Short: "Stop leased instances",
		Long: `Stop leased instances. The system in each is asked to shut down, and has --timeout for
it; --force stops it at once. An instance that is stopped keeps its files and
snapshots. ` + whileOff,
		Example: `  lxd-pool stop ci.k3v9q0z5tm
  lxd-pool stop ci.k3v9q0z5tm --force`,
	})
}

func (c *cli) start() *cobra.Command {
	return c.power(pool.PowerStart, "runs", &cobra.Command{
		Use:   "start LEASE...",
		Short: "Start leased instances that are stopped or paused",
		Long: `Start leased instances. The command returns when each is usable again, as it was when
it was leased; one that is paused goes on where it was. Its addresses, which may be
others than before, are in "lxd-pool show-lease".`,
		Example: `  lxd-pool start ci.k3v9q0z5tm`,
	})
}

func (c *cli) restart() *cobra.Command {
	return c.power(pool.PowerRestart, "runs", &cobra.Command{
		Use:   "restart LEASE...",
		Short: "Stop and start leased instances",
		Long: `Stop leased instances and start them again. The system in each is asked to shut down,
and has --timeout for it; --force stops it at once. The command returns when each is
usable again. One that is stopped is started.`,
		Example: `  lxd-pool restart ci.k3v9q0z5tm
  lxd-pool restart ci.k3v9q0z5tm --timeout 2m`,
	})
}

func (c *cli) pause() *cobra.Command {
	return c.power(pool.PowerPause, "is paused", &cobra.Command{
		Use:   "pause LEASE...",
		Short: "Pause leased instances",
		Long: `Pause leased instances: nothing in them runs, but all of it stays in memory.
` + whileOff,
		Example: `  lxd-pool pause ci.k3v9q0z5tm`,
	})
}

func (c *cli) resume() *cobra.Command {
	return c.power(pool.PowerResume, "runs", &cobra.Command{
		Use:     "resume LEASE...",
		Short:   "Let leased instances go on that are paused",
		Example: `  lxd-pool resume ci.k3v9q0z5tm`,
	})
}

// power fills in a command that changes what leased instances do; done completes
// "Instance ...".
func (c *cli) power(action pool.PowerAction, done string, cmd *cobra.Command) *cobra.Command {
	r := pool.PowerRequest{Action: action}
	cmd.Args, cmd.ValidArgsFunction = atLeast(1), completing(-1, c.leaseNames)
	if action == pool.PowerStop || action == pool.PowerRestart {
		cmd.Flags().BoolVarP(&r.Force, "force", "f", false, "do not ask the system in it to shut down")
		cmd.Flags().Var(durationValue{duration: &r.Timeout}, "timeout",
			fmt.Sprintf("how long it may take to shut down (default: %s)", pool.DefaultPowerTimeout))
	}
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(id string) error {
			l, err := c.switchOne(ctx, pool.LeaseID(id), r)
			if err == nil && !c.quiet {
				fmt.Fprintf(c.out, "Instance %s %s%s.\n", l.Instance, done, atAddress(l, done))
			}
			return err
		})
	})
	return cmd
}

func (c *cli) switchOne(ctx context.Context, id pool.LeaseID, r pool.PowerRequest) (*api.Lease, error) {
	ctx, done := c.told(ctx, string(r.Action)+" "+string(id))
	defer done()
	return c.client().Power(ctx, id, r)
}

// atAddress says where an instance that runs is reached.
func atAddress(l *api.Lease, done string) string {
	if done != "runs" || len(l.Addresses) == 0 {
		return ""
	}
	return ", at " + l.Addresses[0].Address
}

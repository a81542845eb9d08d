package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) publish() *cobra.Command {
	var p pool.PublishImage
	cmd := &cobra.Command{
		Use:   "publish LEASE [KEY=VALUE]...",
		Short: "Make an image from a leased instance",
		Long: `Make an image from a leased instance, as its files are now. The instance goes on. The
image gets the properties that are given, and can be the image of a pool. Everything
that is on the disk is in it: take secrets away before. Holders need the leave of the
pool's owner (publish=holders in its spec).`,
		Example: `  lxd-pool publish ci.k3v9q0z5tm --alias built os=debian
  lxd-pool create next --image built --size 3`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	newImageFlags(cmd, &p.NewImage)
	cmd.RunE = verb(func(ctx context.Context, args []string) (err error) {
		if p.Properties, err = readProperties(args[1:]); err != nil {
			return err
		}
		ctx, done := c.told(ctx, "publishing the instance of "+args[0])
		made, err := c.client().Publish(ctx, pool.LeaseID(args[0]), p)
		done()
		return c.madeImage("published", made, err)
	})
	return cmd
}

func (c *cli) imagePublish() *cobra.Command {
	var p pool.PublishImage
	cmd := &cobra.Command{
		Use:   "publish INSTANCE [KEY=VALUE]...",
		Short: "Make an image from any instance of LXD",
		Long: `Make an image from any instance of LXD, leased or not, as its files are now. The
instance goes on. It is for operators.`,
		Example:           `  lxd-pool image publish ci-v4vw-20 --alias broken reason="test 17 crashed"`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(1, c.instanceNames),
	}
	newImageFlags(cmd, &p.NewImage)
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) (err error) {
		if p.Properties, err = readProperties(args[1:]); err != nil {
			return err
		}
		ctx, done := c.told(ctx, "publishing instance "+args[0])
		made, err := c.client().PublishInstance(ctx, *project, pool.InstanceName(args[0]), p)
		done()
		return c.madeImage("published", made, err)
	})
	return cmd
}

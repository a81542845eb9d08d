package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) image() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "image",
		Short: "Keep the images that pools are made from",
		Long: `Keep the images that pools are made from, in LXD's own store: list and show them,
copy them from a remote, import and export them as files, name, change and delete them.
IMAGE is an alias or the beginning of a fingerprint. A project may have images of its
own; --project says which.`,
		Example: `  lxd-pool image list
  lxd-pool image copy ubuntu:24.04 --alias noble --auto-update
  lxd-pool create ci --image noble --size 3`,
	}, c.imageList, c.imageShow, c.imageCopy, c.imageImport, c.imageExport, c.imagePublish, c.imageRefresh, c.imageSet, c.imageAlias, c.imageDelete)
}

// newImageFlags gives a command the flags for how an image shall be.
func newImageFlags(cmd *cobra.Command, n *pool.NewImage) {
	cmd.Flags().StringArrayVar(&n.Aliases, "alias", nil, "name for it; more than one are allowed")
	cmd.Flags().BoolVar(&n.Public, "public", false, "let everybody have it who reaches LXD over the network")
	kinds(cmd.Flags(), "alias", "ALIAS")
}

// typeFlag gives a command the flag --type, for what has one name on a remote.
func typeFlag(cmd *cobra.Command, kind *pool.Type) {
	cmd.Flags().StringVar((*string)(kind), "type", string(pool.Container), "container or virtual-machine, where a remote has both under one name")
	kinds(cmd.Flags(), "type", "TYPE")
	complete(cmd, "type", string(pool.Container), string(pool.VirtualMachine))
}

func (c *cli) imageList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list [REMOTE:] [FILTER]...",
		Aliases: []string{"ls"},
		Short:   "List the images in LXD's store, or on a remote",
		Long: `List the images in LXD's store, or on a remote. Of the filters all must fit: KEY=VALUE
is about a property or one of type, architecture, public, auto-update and cached;
anything else is part of an alias, a fingerprint or the description. POOLS are those
whose instances are made from it.`,
		Example: `  lxd-pool image list
  lxd-pool image list ubuntu: 24.04 architecture=x86_64
  lxd-pool image list -f csv -c lf os=ubuntu`,
		ValidArgsFunction: completing(1, c.remotePrefixes),
	}
	l := newListing(cmd, func(i pool.Image) string { return i.Fingerprint },
		column[pool.Image]{'l', "ALIAS", aliasCell},
		column[pool.Image]{'f', "FINGERPRINT", func(i pool.Image) string { return i.Fingerprint[:min(12, len(i.Fingerprint))] }},
		column[pool.Image]{'p', "PUBLIC", func(i pool.Image) string { return yesNo(i.Public) }},
		column[pool.Image]{'d', "DESCRIPTION", func(i pool.Image) string { return i.Properties["description"] }},
		column[pool.Image]{'a', "ARCHITECTURE", func(i pool.Image) string { return i.Architecture }},
		column[pool.Image]{'t', "TYPE", func(i pool.Image) string { return string(i.Type) }},
		column[pool.Image]{'s', "SIZE", func(i pool.Image) string { return fmt.Sprintf("% .1f", decor.SizeB1024(i.Size)) }},
		column[pool.Image]{'u', "UPLOADED", func(i pool.Image) string { return dateCell(i.Uploaded) }},
		column[pool.Image]{'P', "POOLS", func(i pool.Image) string { return joined(i.Pools) }},
	)
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		var remote pool.RemoteName
		if name, ok := strings.CutSuffix(first(args), ":"); ok {
			remote, _ = pool.SplitImage(name + ":")
			args = args[1:]
		}
		list, err := c.client().Images(ctx, remote, *project, args...)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func aliasCell(i pool.Image) string {
	switch len(i.Aliases) {
	case 0:
		return ""
	case 1:
		return i.Aliases[0]
	}
	return fmt.Sprintf("%s (%d more)", i.Aliases[0], len(i.Aliases)-1)
}

func dateCell(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return when(at)
}

func (c *cli) imageShow() *cobra.Command {
	var ref pool.ImageRef
	cmd := &cobra.Command{
		Use:   "show [REMOTE:]IMAGE",
		Short: "Show an image: properties, aliases, where it came from, which pools need it",
		Example: `  lxd-pool image show noble
  lxd-pool image show ubuntu:24.04 -f json`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.imageNames, c.remotePrefixes),
	}
	format := formatFlag(cmd, asYAML, asJSON)
	project := projectFlag(cmd)
	typeFlag(cmd, &ref.Type)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		ref.Remote, ref.Name = pool.SplitImage(args[0])
		ref.Project = *project
		i, err := c.client().Image(ctx, ref)
		if err != nil {
			return err
		}
		_, err = format.print(c.out, i)
		return err
	})
	return cmd
}

func (c *cli) imageCopy() *cobra.Command {
	var i pool.CopyImage
	cmd := &cobra.Command{
		Use:   "copy REMOTE:IMAGE",
		Short: "Copy an image from a remote into LXD's store",
		Long: `Copy an image from a remote into LXD's store. LXD itself downloads it. With
--auto-update it looks for a newer one every few hours; a pool whose image is one of
its aliases follows. When the command is interrupted nothing is left of it.`,
		Example: `  lxd-pool image copy ubuntu:24.04 --alias noble --auto-update
  lxd-pool image copy lab:builder --copy-aliases`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.remotePrefixes),
	}
	newImageFlags(cmd, &i.NewImage)
	cmd.Flags().BoolVar(&i.AutoUpdate, "auto-update", false, "have LXD look for a newer one every few hours")
	cmd.Flags().BoolVar(&i.CopyAliases, "copy-aliases", false, "give it the aliases that it has on the remote, too")
	typeFlag(cmd, &i.Type)
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		i.Project = *project
		i.Remote, i.Image = pool.SplitImage(args[0])
		ctx, done := c.told(ctx, "copying image "+args[0])
		made, err := c.client().CopyImage(ctx, i)
		done()
		return c.madeImage("copied", made, err)
	})
	return cmd
}

// madeImage says what became of an image.
func (c *cli) madeImage(how string, made *pool.Image, err error) error {
	if err != nil {
		return err
	}
	return c.done(made.Fingerprint, "Image %.12s is %s.", made.Fingerprint, how)
}

func (c *cli) imageRefresh() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "refresh IMAGE...",
		Short: "Fetch images anew if there are newer ones where they came from",
		Long: `Fetch images anew if there are newer ones where they came from. The aliases move to
the newer ones, and pools that name them by an alias follow.`,
		Example:           `  lxd-pool image refresh noble`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.imageNames),
	}
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(name string) error {
			told, done := c.told(ctx, "refreshing image "+name)
			refreshed, err := c.client().RefreshImage(told, pool.RefImage(name, *project))
			done()
			switch {
			case err != nil:
				return err
			case refreshed:
				return c.done(name, "Image %s is a newer one now.", name)
			}
			return c.done(name, "Image %s is the newest.", name)
		})
	})
	return cmd
}

func (c *cli) imageSet() *cobra.Command {
	var public, update bool
	cmd := &cobra.Command{
		Use:   "set IMAGE [KEY=VALUE]...",
		Short: "Set properties of an image, and whether it is public or updates itself",
		Long: `Set properties of an image, and whether it is public or updates itself. An empty value
removes a property.`,
		Example: `  lxd-pool image set noble team=build note=
  lxd-pool image set noble --public --auto-update=false`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(1, c.imageNames),
	}
	cmd.Flags().BoolVar(&public, "public", false, "let everybody have it who reaches LXD over the network")
	cmd.Flags().BoolVar(&update, "auto-update", false, "have LXD look for a newer one every few hours")
	project := projectFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		properties, err := readProperties(args[1:])
		if err != nil {
			return err
		}
		edit := pool.ImageEdit{Properties: properties}
		if cmd.Flags().Changed("public") {
			edit.Public = &public
		}
		if cmd.Flags().Changed("auto-update") {
			edit.AutoUpdate = &update
		}
		if len(properties) == 0 && edit.Public == nil && edit.AutoUpdate == nil {
			return usageError{"it takes IMAGE and what to set", cmd}
		}
		return verb(func(ctx context.Context, args []string) error {
			made, err := c.client().EditImage(ctx, pool.RefImage(args[0], *project), edit)
			return c.madeImage("changed", made, err)
		})(cmd, args)
	}
	return cmd
}

// readProperties reads KEY=VALUE.
func readProperties(args []string) (map[string]string, error) {
	properties := newPairs("KEY=VALUE")
	for _, arg := range args {
		if err := properties.Set(arg); err != nil {
			return nil, pool.Invalidf("", "cannot use %q: %w", arg, err)
		}
	}
	return properties.pairs, nil
}

func (c *cli) imageDelete() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "delete IMAGE...",
		Aliases: []string{"rm"},
		Short:   "Delete images",
		Long: `Delete images. One that a pool needs is kept, unless --force is given: what is made of
it lives on, but when its template is lost no more can be made.`,
		Example:           `  lxd-pool image delete noble`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.imageNames),
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "also one that a pool needs")
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(name string) error {
			if err := c.client().DeleteImage(ctx, pool.RefImage(name, *project), force); err != nil {
				return err
			}
			return c.done(name, "Image %s is deleted.", name)
		})
	})
	return cmd
}

func (c *cli) imageAlias() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "alias",
		Short: "Name images",
		Example: `  lxd-pool image alias create lts noble
  lxd-pool image alias list`,
	}, c.imageAliasCreate, c.imageAliasList, c.imageAliasDelete)
}

func (c *cli) imageAliasCreate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:               "create ALIAS IMAGE",
		Short:             "Give an image one more name",
		Example:           `  lxd-pool image alias create lts noble --description "what we support longest"`,
		Args:              exactly(2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	kinds(cmd.Flags(), "description", "TEXT")
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		made, err := c.client().CreateImageAlias(ctx, *project, pool.ImageAlias{Name: args[0], Description: description, Image: args[1]})
		if err != nil {
			return err
		}
		return c.done(made.Name, "Alias %s names image %.12s.", made.Name, made.Image)
	})
	return cmd
}

func (c *cli) imageAliasList() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "list",
		Aliases:           []string{"ls"},
		Short:             "List the aliases",
		Example:           `  lxd-pool image alias list`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l := newListing(cmd, func(a pool.ImageAlias) string { return a.Name },
		column[pool.ImageAlias]{'a', "ALIAS", func(a pool.ImageAlias) string { return a.Name }},
		column[pool.ImageAlias]{'f', "FINGERPRINT", func(a pool.ImageAlias) string { return a.Image[:min(12, len(a.Image))] }},
		column[pool.ImageAlias]{'t', "TYPE", func(a pool.ImageAlias) string { return string(a.Type) }},
		column[pool.ImageAlias]{'d', "DESCRIPTION", func(a pool.ImageAlias) string { return a.Description }},
	)
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		list, err := c.client().ImageAliases(ctx, *project)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func (c *cli) imageAliasDelete() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "delete ALIAS...",
		Aliases: []string{"rm"},
		Short:   "Take names away; the images stay",
		Long: `Take names away; the images stay. One that is the image of a pool is kept, unless
--force is given.`,
		Example:           `  lxd-pool image alias delete lts`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.imageNames),
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "also one that is the image of a pool")
	project := projectFlag(cmd)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		return c.each(ctx, args, func(name string) error {
			if err := c.client().DeleteImageAlias(ctx, *project, name, force); err != nil {
				return err
			}
			return c.done(name, "Alias %s is deleted.", name)
		})
	})
	return cmd
}

func (c *cli) imageNames(ctx context.Context) []string {
	aliases, err := c.client().ImageAliases(ctx, "")
	if err != nil {
		return nil
	}
	list := make([]string, len(aliases))
	for i, a := range aliases {
		list[i] = a.Name
	}
	return list
}

func (c *cli) remotePrefixes(ctx context.Context) []string {
	list := c.remoteNames(ctx)
	for i := range list {
		list[i] += ":"
	}
	return list
}

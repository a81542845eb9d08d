package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) remote() *cobra.Command {
	return c.noun(&cobra.Command{
		Use:   "remote",
		Short: "Know other servers, for images and for moving instances",
		Long: `Know other servers: image servers, and other LXDs. A pool's image can come from any
of them, as REMOTE:IMAGE. The daemon keeps them, with the keys for them, where nobody
else can read them.`,
		Example: `  lxd-pool remote list
  lxd-pool remote add lab https://lab.example:8443 --token -
  lxd-pool create ci --image lab:builder --size 3`,
	}, c.remoteAdd, c.remoteList, c.remoteShow, c.remoteRename, c.remoteSetURL, c.remoteRemove)
}

func (c *cli) remoteAdd() *cobra.Command {
	var r pool.NewRemote
	var cert, key string
	cmd := &cobra.Command{
		Use:   "add NAME [URL]",
		Short: "Make another server known",
		Long: `Make another server known, after it was talked to. An LXD must trust the daemon: by a
token that its owner made with "lxc config trust add", by its trust password, or by a
client certificate that it trusts already. A token knows where to go and whom to
expect. A certificate that this host does not trust must have the fingerprint that was
given, or is taken with --accept-certificate; from then on no other is.`,
		Example: `  lxd-pool remote add lab --token eyJjbGllbnRfbmFtZSI6ImxhYiJ9
  lxd-pool remote add lab https://lab.example:8443 --password - --accept-certificate
  lxd-pool remote add lab https://lab.example:8443 --client-cert me.crt --client-key me.key
  lxd-pool remote add toys https://images.example --protocol simplestreams
  lxd-pool remote add theirs https://theirs.example:8443 --public`,
		Args:              between(1, 2),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&r.Protocol), "protocol", string(pool.LXDProtocol), "what it speaks: lxd or simplestreams")
	flags.BoolVar(&r.Public, "public", false, "ask it for public images only")
	flags.StringVar(&r.Token, "token", "", "what its owner's LXD printed; - reads it from standard input")
	flags.StringVar(&r.Password, "password", "", "its trust password; - reads it from standard input")
	flags.StringVar(&cert, "client-cert", "", "certificate (PEM) to show to it, in place of the daemon's own")
	flags.StringVar(&key, "client-key", "", "key (PEM) of that certificate")
	flags.StringVar(&r.Fingerprint, "fingerprint", "", "SHA-256 that its certificate must have")
	flags.BoolVar(&r.AcceptCertificate, "accept-certificate", false, "take whatever certificate it shows now")
	kinds(flags, "protocol", "PROTOCOL", "token", "TOKEN", "password", "PASSWORD", "client-cert", "FILE", "client-key", "FILE", "fingerprint", "SHA256")
	complete(cmd, "protocol", string(pool.LXDProtocol), string(pool.Simplestreams))
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		r.Name = pool.RemoteName(args[0])
		if len(args) > 1 {
			r.URL = args[1]
		}
		if err := c.readSecrets(&r.Token, &r.Password); err != nil {
			return err
		}
		for path, into := range map[string]*string{cert: &r.ClientCert, key: &r.ClientKey} {
			if err := readPEM(path, into); err != nil {
				return err
			}
		}
		made, err := c.client().AddRemote(ctx, r)
		if err != nil {
			return err
		}
		return c.done(string(made.Name), "Remote %s is known.", made.Name)
	})
	return cmd
}

// readSecrets reads those that are to come from standard input, where no list
// of processes shows them.
func (c *cli) readSecrets(secrets ...*string) error {
	for _, secret := range secrets {
		if *secret != "-" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(c.in, 64<<10))
		if err != nil {
			return fmt.Errorf("cannot read standard input: %w", err)
		}
		*secret = strings.TrimSpace(string(text))
	}
	return nil
}

func readPEM(path string, into *string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return pool.Invalidf("", "cannot read the client certificate: %w", err)
	}
	*into = string(text)
	return nil
}

// done says what was done, with --quiet only the name of the thing.
func (c *cli) done(name, format string, args ...any) error {
	if c.quiet {
		fmt.Fprintln(c.out, name)
		return nil
	}
	fmt.Fprintf(c.out, format+"\n", args...)
	return nil
}

func (c *cli) remoteList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the remotes",
		Example: `  lxd-pool remote list
  lxd-pool remote list -f csv -c nu`,
		Args:              exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l := newListing(cmd, func(r pool.Remote) string { return string(r.Name) },
		column[pool.Remote]{'n', "NAME", func(r pool.Remote) string { return string(r.Name) }},
		column[pool.Remote]{'u', "URL", func(r pool.Remote) string { return r.URL }},
		column[pool.Remote]{'p', "PROTOCOL", func(r pool.Remote) string { return string(r.Protocol) }},
		column[pool.Remote]{'P', "PUBLIC", func(r pool.Remote) string { return yesNo(r.Public) }},
		column[pool.Remote]{'s', "STATIC", func(r pool.Remote) string { return yesNo(r.Static) }},
	)
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		list, err := c.client().Remotes(ctx)
		if err != nil {
			return err
		}
		return l.print(c, list)
	})
	return cmd
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func (c *cli) remoteShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show NAME",
		Short:             "Show a remote: where it is and what certificate it must show",
		Example:           `  lxd-pool remote show lab`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.remoteNames),
	}
	format := formatFlag(cmd, asYAML, asJSON)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		r, err := c.client().Remote(ctx, pool.RemoteName(args[0]))
		if err != nil {
			return err
		}
		_, err = format.print(c.out, r)
		return err
	})
	return cmd
}

func (c *cli) remoteRename() *cobra.Command {
	return &cobra.Command{
		Use:               "rename NAME NEW-NAME",
		Short:             "Give a remote another name",
		Long:              `Give a remote another name, unless the image of a pool comes from it.`,
		Example:           `  lxd-pool remote rename lab oldlab`,
		Args:              exactly(2),
		ValidArgsFunction: completing(1, c.remoteNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			made, err := c.client().RenameRemote(ctx, pool.RemoteName(args[0]), pool.RemoteName(args[1]))
			if err != nil {
				return err
			}
			return c.done(string(made.Name), "Remote %s is now %s.", args[0], made.Name)
		}),
	}
}

func (c *cli) remoteSetURL() *cobra.Command {
	return &cobra.Command{
		Use:               "set-url NAME URL",
		Short:             "Say where a remote is now",
		Long:              `Say where a remote is now. It must show the certificate that it showed before.`,
		Example:           `  lxd-pool remote set-url lab https://lab2.example:8443`,
		Args:              exactly(2),
		ValidArgsFunction: completing(1, c.remoteNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			made, err := c.client().SetRemoteURL(ctx, pool.RemoteName(args[0]), args[1])
			if err != nil {
				return err
			}
			return c.done(string(made.Name), "Remote %s is at %s.", made.Name, made.URL)
		}),
	}
}

func (c *cli) remoteRemove() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME...",
		Aliases: []string{"rm"},
		Short:   "Forget a remote",
		Long: `Forget a remote, and the key for it if it has one of its own. One that the image of
a pool comes from is kept. An LXD goes on trusting the daemon until its owner takes
the certificate "lxd-pool" away there.`,
		Example:           `  lxd-pool remote remove lab`,
		Args:              atLeast(1),
		ValidArgsFunction: completing(-1, c.remoteNames),
		RunE: verb(func(ctx context.Context, args []string) error {
			return c.each(ctx, args, func(name string) error {
				if err := c.client().RemoveRemote(ctx, pool.RemoteName(name)); err != nil {
					return err
				}
				return c.done(name, "Remote %s is forgotten.", name)
			})
		}),
	}
}

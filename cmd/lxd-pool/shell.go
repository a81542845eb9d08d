package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (c *cli) shell() *cobra.Command {
	o := newExecOptions()
	cmd := &cobra.Command{
		Use:   "shell LEASE",
		Short: "Open a shell in a leased instance",
		Long: `Open the login shell of a user in a leased instance, in this terminal, and end with
its exit status. It is the shell that the instance's /etc/passwd names, or /bin/sh where
that is missing. For scripts, or without a terminal, there is exec.`,
		Example: `  lxd-pool shell ci.k3v9q0z5tm
  lxd-pool shell ci.k3v9q0z5tm --user ubuntu`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.leaseNames),
	}
	flags := cmd.Flags()
	flags.VarP(o.env, "env", "e", "variable of the shell; more than one are allowed")
	flags.StringVar(&o.user, "user", "", "whose shell, a name or a number (default: root)")
	kinds(flags, "user", "USER")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !c.onTerminal() {
			return pool.Invalidf("run it in a terminal, or use: lxd-pool exec "+args[0]+" -- COMMAND",
				"cannot open a shell: standard input and output are not a terminal")
		}
		ctx, cancel := context.WithCancelCause(cmd.Context())
		defer cancel(nil)
		shell := o.command(nil)
		shell.Login = true
		shell.Signals = passSignals(ctx, cancel)
		status, err := c.execute(ctx, pool.LeaseID(args[0]), shell, o)
		if err != nil {
			return err
		}
		return exitOf(status)
	}
	return cmd
}

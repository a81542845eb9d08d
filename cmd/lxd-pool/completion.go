package main

import (
	"github.com/spf13/cobra"
)

func (c *cli) completion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Print the completion script of a shell. It completes commands, flags, and the names
of the pools, leases and instances that there are.`,
		Example: `  # bash: now, and from now on.
  source <(lxd-pool completion bash)
  lxd-pool completion bash | sudo tee /etc/bash_completion.d/lxd-pool
  # zsh and fish.
  lxd-pool completion zsh >"${fpath[1]}/_lxd-pool"
  lxd-pool completion fish >~/.config/fish/completions/lxd-pool.fish`,
		Args:      exactly(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(c.out, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(c.out)
			case "fish":
				return cmd.Root().GenFishCompletion(c.out, true)
			}
			return usageError{"there is no completion for " + args[0], cmd}
		},
	}
}

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

func (c *cli) edit() *cobra.Command {
	return &cobra.Command{
		Use:   "edit POOL",
		Short: "Edit a pool's spec as YAML",
		Long: `Edit a pool's spec as YAML, in the editor that VISUAL or EDITOR names. A spec that
cannot be is said to be so, and can be edited on; one that somebody else has changed
meanwhile is not overwritten. When standard input is not a terminal the spec is read
from it; what "show" prints will do.`,
		Example: `  lxd-pool edit ci
  lxd-pool edit ci <spec.yaml
  lxd-pool show staging | lxd-pool edit ci`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.poolNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := pool.PoolName(args[0])
			if !term.IsTerminal(int(c.in.Fd())) {
				return c.putFrom(cmd.Context(), name, c.in)
			}
			return c.editInEditor(cmd.Context(), name)
		},
	}
}

// putFrom replaces a spec by what is read.
func (c *cli) putFrom(ctx context.Context, name pool.PoolName, in io.Reader) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("cannot read the spec: %w", err)
	}
	return c.put(ctx, name, text, "")
}

func (c *cli) put(ctx context.Context, name pool.PoolName, text []byte, etag string) error {
	spec, err := specyaml.Spec(text)
	if err != nil {
		return pool.Invalidf("", "cannot read the spec of pool %s: %w", name, err)
	}
	_, err = c.client().PutPool(ctx, name, spec, etag)
	return err
}

func (c *cli) editInEditor(ctx context.Context, name pool.PoolName) error {
	before, err := c.client().Pool(ctx, name)
	if err != nil {
		return err
	}
	text, err := specyaml.Marshal(before.Spec)
	if err != nil {
		return err
	}
	return c.editText(string(name), specHelp(name), text, func(edited []byte) error {
		return c.put(ctx, name, edited, before.ETag)
	})
}

// editText lets the user edit a text, below comments that help, until put takes
// it, nothing was changed, or the user gives up. A text that is given up is kept.
func (c *cli) editText(name, help string, text []byte, put func([]byte) error) error {
	path, err := writeDraft(name, help, text)
	if err != nil {
		return fmt.Errorf("cannot write the text to edit: %w", err)
	}
	for {
		edited, err := runEditor(path)
		if err == nil && bytes.Equal(bytes.TrimSpace(withoutComments(edited)), bytes.TrimSpace(text)) {
			fmt.Fprintln(c.err, "Nothing was changed.")
			return os.Remove(path)
		}
		if err == nil {
			err = put(edited)
		}
		if err == nil {
			return os.Remove(path)
		}
		if !errors.Is(err, pool.ErrInvalid) && !errors.Is(err, pool.ErrRejected) || !c.again(err, path) {
			return keptIn(path, err)
		}
	}
}

// keptIn adds to an error where the text is that was edited in vain.
func keptIn(path string, err error) error {
	next := "what you wrote is in " + path
	if e, ok := errors.AsType[*pool.Error](err); ok && e.Next != "" {
		next = e.Next + "; " + next
	}
	return pool.Errorf(pool.KindOf(pool.Code(err)), next, "%w", err)
}

// again tells what is wrong and asks whether to edit on. Ctrl-C ends the program.
func (c *cli) again(err error, path string) bool {
	c.tell(err)
	fmt.Fprintf(c.err, "Press Enter to edit it again, or Ctrl-C to give up; what you wrote is in %s. ", path)
	_, readErr := bufio.NewReader(c.in).ReadString('\n')
	return readErr == nil
}

func writeDraft(name, help string, text []byte) (string, error) {
	f, err := os.CreateTemp("", "lxd-pool-"+name+"-*.yaml") // 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(append([]byte(help+"\n"), text...))
	return f.Name(), errors.Join(err, f.Close())
}

// specHelp tells of the keys of a spec, in comments.
func specHelp(name pool.PoolName) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The spec of pool %s. A key that is not there has its default:\n#\n", name)
	for _, key := range pool.SpecKeys {
		fmt.Fprintf(&b, "#   %-14s %s\n", key.Name+":", key.Help+defaultText(key))
	}
	fmt.Fprint(&b, "#   config:        LXD's own, a value for each key\n#   devices:       LXD's own, keys for each name\n")
	return b.String()
}

func defaultText(key pool.SpecKey) string {
	if key.Default == "" {
		return ""
	}
	return " (default " + key.Default + ")"
}

func withoutComments(text []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("#")) {
			b.Write(line)
		}
	}
	return b.Bytes()
}

// runEditor edits a file in the user's editor, which may be more than one word,
// and returns what is in it then. Ctrl-C meanwhile is for the editor.
func runEditor(path string) ([]byte, error) {
	notOurs := make(chan os.Signal, 1)
	signal.Notify(notOurs, syscall.SIGINT, syscall.SIGQUIT)
	defer signal.Stop(notOurs)
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), fallbackEditor())
	cmd := exec.Command("sh", "-c", editor+` "$1"`, "sh", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, pool.Errorf(pool.ErrFailed, "name an editor in EDITOR", "cannot edit with %s: %w", strings.TrimSpace(editor), err)
	}
	return os.ReadFile(path)
}

func fallbackEditor() string {
	for _, name := range []string{"sensible-editor", "editor", "nano"} {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	return "vi"
}

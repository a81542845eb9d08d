package lxdbackend

import (
	"context"
	"crypto/rand"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// LXD makes no secret of the environment that it is asked to give a command:
// while the command runs it stands in the operation, which every client of LXD
// may list, and in the arguments of a process of LXD, which every user of the
// host may list; and LXD tells it to whoever watches its events, and writes it
// into its log when it debugs. So that secrets stay with the command, only what
// is listed here goes that way. The rest is read in the instance, by a shell
// that then becomes the command.

// openly are the variables that LXD or the terminal needs to know.
var openly = []string{"HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "USER"}

// exportable is a name that every shell can export.
var exportable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// shellsOwn are names that a shell does not let go of.
var shellsOwn = []string{"BASHOPTS", "BASH_VERSINFO", "EUID", "GROUPS", "LINENO", "OPTIND", "PPID", "RANDOM", "SECONDS", "SHELLOPTS", "UID"}

// readEnv becomes a command, with variables that it reads from standard input
// up to a line that is the first argument. A shell reads no further.
const readEnv = `_text= _nl='
'
while IFS= read -r _line && [ "$_line" != "$1" ]; do _text=$_text$_line$_nl; done
shift
eval "unset _text _nl _line; $_text"
exec "$@"`

// In a terminal what goes to standard input is shown. There the variables are
// read from a file that only their user can read, and that is removed first.
const (
	storeEnv = `umask 077
for dir in /dev/shm /tmp; do cat >"$dir/$1" && echo "$dir/$1" && exit; done`
	fetchEnv = `_text=$(cat "$1") || exit
rm -f "$1"
shift
eval "unset _text; $_text"
exec "$@"`
)

// hideEnv returns the same command, with no variable left in Env that may be a
// secret.
func (b *Backend) hideEnv(ctx context.Context, o pool.Order, c pool.Command, who account) (pool.Command, error) {
	open, secret := map[string]string{}, ""
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if slices.Contains(openly, name) {
			open[name] = c.Env[name]
		} else {
			secret += assign(name, c.Env[name])
		}
	}
	if secret == "" {
		return c, nil
	}
	c.Env = open
	script, argument := readEnv, rand.Text()
	if c.Terminal {
		var err error
		script = fetchEnv
		if argument, err = b.storeEnv(ctx, o, who, secret); err != nil {
			return c, err
		}
	} else {
		c.Stdin = before(secret+argument+"\n", c.Stdin)
	}
	c.Args = append([]string{"/bin/sh", "-c", script, "lxd-pool", argument}, c.Args...)
	return c, nil
}

// assign returns what a shell is to read, so that the command it becomes has the
// variable. What it cannot export itself it leaves to env, whose arguments can be
// seen for the moment until that becomes the command.
func assign(name, value string) string {
	quoted := "'" + strings.ReplaceAll(name+"="+value, "'", `'\''`) + "'\n"
	if slices.Contains(shellsOwn, name) || !exportable.MatchString(name) {
		return strings.TrimSuffix("set -- env "+quoted, "\n") + ` "$@"` + "\n"
	}
	return "export " + quoted
}

// storeEnv puts variables into a file of their user and returns its path.
func (b *Backend) storeEnv(ctx context.Context, o pool.Order, who account, secret string) (string, error) {
	var path, why tail
	path.limit, why.limit = 1000, 1000
	status, err := b.execAs(ctx, o, pool.Command{
		Args:  []string{"/bin/sh", "-c", storeEnv, "lxd-pool", ".lxd-pool-" + rand.Text()},
		Stdin: strings.NewReader(secret), Stdout: &path, Stderr: &why,
	}, who)
	if err == nil && status != 0 {
		err = pool.Errorf(pool.ErrFailed, "", "cannot give a command its environment in instance %s: %s", o.Instance, why.line())
	}
	return strings.TrimSpace(string(path.end)), err
}

// before returns what reads text first, and then what may be nil.
func before(text string, r io.Reader) io.Reader {
	if r == nil {
		return strings.NewReader(text)
	}
	return io.MultiReader(strings.NewReader(text), r)
}

package lxdbackend

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// execMark is set to something unique in the environment of every command, so
// that what it started can be found and killed: LXD kills the command alone.
const execMark = "LXD_POOL_EXEC"

// killLimit bounds the killing of a command whose caller has left.
const killLimit = 5 * time.Second

// Exec runs a command in the instance. When ctx ends, or an output cannot be
// written, the command is killed with every process that has its environment.
//
// A Read of c.Stdin that is under way when the command ends is not waited for:
// it ends when the caller closes what it reads from.
//
// As with lxc exec, a command whose children keep its output open has not ended
// before they close it, although it has exited, unless it has a terminal. Then
// signals are for those children.
func (b *Backend) Exec(ctx context.Context, o pool.Order, c pool.Command) (int, error) {
	o = filled(o)
	what := "cannot run a command in instance " + string(o.Instance)
	if len(c.Args) == 0 && !c.Login {
		return 0, pool.Invalidf("name one", "%s: none was given", what)
	}
	who, err := b.account(ctx, o, c.User, c.Login)
	if err == nil && c.Login {
		c = logIn(c, who)
	}
	if err == nil {
		c, err = b.hideEnv(ctx, o, c, who)
	}
	status := 0
	if err == nil {
		status, err = b.execAs(ctx, o, c, who)
	}
	return status, b.unrun(ctx, o, what, err)
}

// unrun tells why a command did not run, or not to its end: most of all that the
// instance does not run.
func (b *Backend) unrun(ctx context.Context, o pool.Order, what string, cause error) error {
	if cause != nil && !away(cause) && !notFound(cause) {
		in, err := b.look(ctx, o)
		if err == nil && (statusOf(in) == pool.Stopped || statusOf(in) == pool.Frozen) {
			return notRunning(what, in)
		}
	}
	return fail(blame(cause), what, cause)
}

// execTries is how often a command is asked for that LXD did not start because
// its streams were not connected in the time that LXD gives, as on a busy host.
const execTries = 4

// execAs runs a command as somebody, with its environment as it is.
func (b *Backend) execAs(ctx context.Context, o pool.Order, c pool.Command, who account) (int, error) {
	mark := rand.Text()
	post := execRequest(c, who, mark)
	for try := 1; ; try++ {
		status, err := b.execOnce(ctx, o, c, post, mark)
		if err == nil {
			return status, nil
		}
		var ended *operationError
		var unstarted *unstartedError
		switch {
		case errors.As(err, &unstarted) && try < execTries && ctx.Err() == nil:
			continue
		case errors.As(err, &ended) && shellStatus[ended.text] != 0:
			return shellStatus[ended.text], complain(c, ended.text)
		case !errors.As(err, &ended):
			b.kill(context.WithoutCancel(ctx), o, mark)
		}
		return 0, err
	}
}

// shellStatus is what a shell ends with when there is no such command, by what
// LXD says then.
var shellStatus = map[string]int{"Command not found": 127, "Command not executable": 126}

// complain says where a command's own complaints go why it did not start.
func complain(c pool.Command, why string) error {
	to := c.Stderr
	if c.Terminal {
		to = c.Stdout
	}
	if to == nil {
		return nil
	}
	_, err := fmt.Fprintf(to, "%s: %s\n", c.Args[0], strings.ToLower(why))
	return err
}

func (b *Backend) execOnce(ctx context.Context, o pool.Order, c pool.Command, post *api.InstanceExecPost, mark string) (int, error) {
	op, err := b.begin(ctx, http.MethodPost, at(o, "/exec"), post)
	if err != nil {
		return 0, err
	}
	return b.follow(ctx, op, c, func(ctx context.Context, signal int) { b.signal(ctx, o, mark, signal) })
}

func execRequest(c pool.Command, who account, mark string) *api.InstanceExecPost {
	env := map[string]string{}
	if who != root { // LXD does it for root
		env["HOME"], env["USER"] = who.home, who.name
	}
	maps.Copy(env, c.Env)
	env[execMark] = mark
	return &api.InstanceExecPost{
		Command: c.Args, WaitForWS: true, Interactive: c.Terminal, Environment: env, Cwd: c.Cwd,
		Width: c.Size.Width, Height: c.Size.Height, User: who.uid, Group: who.gid,
	}
}

// loginScript becomes the user's login shell, or /bin/sh where that is missing.
// Not every sh knows -l.
const loginScript = `[ -x "$1" ] || set -- /bin/sh
export SHELL="$1"
case ${1##*/} in
sh | dash) "$1" -l -c : </dev/null >/dev/null 2>&1 || exec "$1" ;;
esac
exec "$1" -l`

// logIn returns a command that is the login shell of its user.
func logIn(c pool.Command, who account) pool.Command {
	env := map[string]string{"LOGNAME": who.name}
	maps.Copy(env, c.Env)
	c.Env, c.Args = env, []string{"/bin/sh", "-c", loginScript, "lxd-pool", who.shell}
	return c
}

// follow passes the streams of a command through and returns its exit status
// once it has ended and its output was written. On an error the command is cut
// off, which makes LXD kill it. Signals that LXD takes no more are for late.
func (b *Backend) follow(ctx context.Context, op *api.Operation, c pool.Command, late func(context.Context, int)) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := b.openStreams(ctx, op, c.Terminal)
	if err != nil {
		return 0, err
	}
	defer s.close()
	var lost error
	select {
	case err := <-s.run(ctx, c, late):
		if err != nil && !isLost(err) {
			return 0, err
		}
		lost = err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	// A stream that was lost may mean that there was no command: LXD knows.
	final, waitErr := b.wait(ctx, op)
	if waitErr != nil {
		return 0, waitErr
	}
	if lost != nil && !c.Terminal {
		return 0, lost // it ran, but not all of its output came
	}
	return exitStatus(final)
}

// signalScript sends a signal to the processes that have a mark in their
// environment; to kill, also to those that they start meanwhile.
const signalScript = `for round in 1 2 3 4 5; do
	found=
	for file in /proc/[0-9]*/environ; do
		if tr '\0' '\n' <"$file" 2>/dev/null | grep -qx "$1"; then
			pid=${file#/proc/}
			kill -"$2" "${pid%/environ}" 2>/dev/null && found=yes
		fi
	done
	[ "$2" = 9 ] && [ "$found" ] || exit 0
done`

// signal does what it can: what it misses goes when the instance is recycled.
func (b *Backend) signal(ctx context.Context, o pool.Order, mark string, number int) {
	_, _ = b.script(ctx, o, signalScript, execMark+"="+mark, strconv.Itoa(number))
}

func (b *Backend) kill(ctx context.Context, o pool.Order, mark string) {
	ctx, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	b.signal(ctx, o, mark, 9)
}

package lxdbackend

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
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
func (b *Backend) Exec(ctx context.Context, o pool.Order, c pool.Command) (int, error) {
	o = filled(o)
	what := "cannot run a command in instance " + string(o.Instance)
	if len(c.Args) == 0 {
		return 0, pool.Invalidf("name one", "%s: none was given", what)
	}
	mark := rand.Text()
	post, err := b.execRequest(ctx, o, c, mark)
	if err != nil {
		return 0, fail(blame(err), what, err)
	}
	for try := 1; ; try++ {
		status, err := b.execOnce(ctx, o, c, post)
		if err == nil {
			return status, nil
		}
		var ended *operationError
		var unstarted *unstartedError
		switch {
		case errors.As(err, &unstarted) && try < execTries && ctx.Err() == nil:
			continue
		case !errors.As(err, &ended):
			b.kill(context.WithoutCancel(ctx), o, mark)
		}
		return 0, fail(blame(err), what, err)
	}
}

// execTries is how often a command is asked for that LXD did not start because
// its streams were not connected in the time that LXD gives, as on a busy host.
const execTries = 4

func (b *Backend) execOnce(ctx context.Context, o pool.Order, c pool.Command, post *api.InstanceExecPost) (int, error) {
	op, err := b.begin(ctx, http.MethodPost, at(o, "/exec"), post)
	if err != nil {
		return 0, err
	}
	return b.follow(ctx, op, c)
}

func (b *Backend) execRequest(ctx context.Context, o pool.Order, c pool.Command, mark string) (*api.InstanceExecPost, error) {
	who, err := b.account(ctx, o, c.User)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	if who != root { // LXD does it for root
		env["HOME"], env["USER"] = who.home, who.name
	}
	maps.Copy(env, c.Env)
	env[execMark] = mark
	return &api.InstanceExecPost{
		Command: c.Args, WaitForWS: true, Interactive: c.Terminal, Environment: env, Cwd: c.Cwd,
		Width: c.Size.Width, Height: c.Size.Height, User: who.uid, Group: who.gid,
	}, nil
}

// follow passes the streams of a command through and returns its exit status
// once it has ended and its output was written. On an error the command is cut
// off, which makes LXD kill it.
func (b *Backend) follow(ctx context.Context, op *api.Operation, c pool.Command) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := b.openStreams(ctx, op, c.Terminal)
	if err != nil {
		return 0, err
	}
	defer s.close()
	var lost error
	select {
	case err := <-s.run(ctx, c):
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

// killScript ends the processes that have a mark in their environment, and
// those they start meanwhile.
const killScript = `for round in 1 2 3 4 5; do
	found=
	for file in /proc/[0-9]*/environ; do
		if tr '\0' '\n' <"$file" 2>/dev/null | grep -qx "$1"; then
			pid=${file#/proc/}
			kill -9 "${pid%/environ}" 2>/dev/null && found=yes
		fi
	done
	[ "$found" ] || exit 0
done`

// kill does what it can in its time: what it misses goes when the instance is
// recycled.
func (b *Backend) kill(ctx context.Context, o pool.Order, mark string) {
	ctx, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	_, _ = b.script(ctx, o, killScript, execMark+"="+mark)
}

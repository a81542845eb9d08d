package simbackend

import (
	"context"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Exec implements [pool.Guest] with the commands of the table in commands.go.
func (b *Backend) Exec(ctx context.Context, o pool.Order, c pool.Command) (int, error) {
	if err := b.look(ctx, Exec, o.Instance, func() error { return b.enterable(o) }); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := &guest{ctx: ctx, backend: b, order: o, command: c, out: &gate{w: c.Stdout}, err: &gate{w: c.Stderr}, size: c.Size}
	if c.Terminal {
		g.err = g.out
	}
	defer g.shut()
	ended := make(chan int, 1)
	if c.Login {
		c.Args = []string{"sh"}
	}
	go func() { ended <- g.run(c.Args) }()
	return g.wait(ended)
}

// enterable says why no command can run in the instance.
func (b *Backend) enterable(o pool.Order) error {
	in, err := b.find(Exec, o)
	if err == nil && in.Status != pool.Running {
		return notRunning(Exec, in)
	}
	return err
}

func notRunning(v Verb, in *instance) error {
	is := string(in.Status)
	if in.Status == pool.Frozen {
		is = "paused"
	}
	return pool.Errorf(pool.ErrNotRunning, "", "cannot %s: it is %s", phrase(v, in.Name), is)
}

// wait returns when the command has ended, was killed by a signal, or the
// caller left. The streams of the last two are shut.
func (g *guest) wait(ended <-chan int) (int, error) {
	signals, resize := g.command.Signals, g.command.Resize
	for {
		select {
		case status := <-ended:
			return status, nil
		case <-g.ctx.Done():
			return 0, gaveUp(g.ctx, Exec, g.order.Instance)
		case n, ok := <-signals:
			if ok {
				return 128 + n, nil
			}
			signals = nil
		case size, ok := <-resize:
			if !ok {
				resize = nil
				continue
			}
			g.resize(size)
		}
	}
}

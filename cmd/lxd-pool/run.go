package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// runTTL is how long the lease of a run outlives its command when lxd-pool is
// killed; while it lives it renews the lease.
const runTTL = pool.Duration(5 * time.Minute)

func (c *cli) runVerb() *cobra.Command {
	wish := pool.AcquireRequest{TTL: runTTL, Wait: pool.Duration(time.Minute)}
	o := newExecOptions()
	cmd := &cobra.Command{
		Use:   "run POOL [FLAGS] -- COMMAND...",
		Short: "Acquire, run a command, release",
		Long: `Run a command on a clean instance: acquire, run, release. The exit status is the
command's. With -n it runs on several instances at once: every line of output begins
with the name of its instance, the command has no standard input, and the exit status
is the worst one.

The lease is renewed while the command runs, within the pool's max-ttl, and released
however the command ends. Signals are passed on to the command; after a second Ctrl-C
it is not waited for.`,
		Example: `  lxd-pool run ci -- make test
  lxd-pool run ci -n 3 -e CI=1 --purpose "nightly tests" -- ./test.sh
  tar c . | lxd-pool run ci -- sh -c "tar x && make test"`,
		Args:              atLeast(2),
		ValidArgsFunction: completing(1, c.poolNames),
	}
	cmd.Flags().IntVarP(&wish.Count, "count", "n", 1, "how many instances to run it on at once")
	kinds(cmd.Flags(), "count", "N")
	acquireFlags(cmd, &wish, "variable of the command; more than one are allowed", o.env)
	o.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := errors.Join(o.check(cmd), checkCount(wish.Count)); err != nil {
			return err
		}
		wish.Pool = pool.PoolName(args[0])
		return c.runOn(cmd.Context(), wish, o.command(args[1:]), o)
	}
	return cmd
}

// runOn acquires, runs and releases.
func (c *cli) runOn(ctx context.Context, wish pool.AcquireRequest, command pool.Command, o *execOptions) error {
	r := newRunning(ctx)
	defer r.stop()
	leases, err := c.await(r.ctx, wish)
	if err != nil {
		return err
	}
	defer c.releaseAll(leases)
	for _, l := range leases {
		go c.keep(r.ctx, l, wish.TTL)
	}
	r.begin(len(leases))
	if len(leases) == 1 {
		command.Signals = r.signals[0]
		status, err := c.execute(r.ctx, leases[0].ID, command, o)
		if err != nil {
			return err
		}
		return exitOf(status)
	}
	return c.runOnAll(r, leases, command)
}

// runOnAll runs a command on several instances at once and returns the worst
// status.
func (c *cli) runOnAll(r *running, leases []*api.Lease, command pool.Command) error {
	outputs := newPrefixes(c.out, c.err, leases)
	statuses := make([]int, len(leases))
	var all sync.WaitGroup
	for i, l := range leases {
		all.Go(func() {
			mine := command
			mine.Signals = r.signals[i]
			mine.Stdout, mine.Stderr = outputs.of(i)
			status, err := c.client().Exec(r.ctx, l.ID, mine)
			outputs.end(i)
			if err != nil {
				outputs.quietly(func() { c.tell(err) })
				status = 1
			}
			statuses[i] = status
		})
	}
	all.Wait()
	worst := 0
	for _, status := range statuses {
		worst = max(worst, status)
	}
	return exitOf(worst)
}

// releaseWithin is how long a release may take, also when a signal hurries us.
const releaseWithin = 10 * time.Second

// releaseAll gives every lease back. One that cannot be is told of, and expires.
func (c *cli) releaseAll(leases []*api.Lease) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseWithin)
	defer cancel()
	for _, l := range leases {
		_, err := c.client().Release(ctx, l.ID)
		if err != nil && !errors.Is(err, pool.ErrLeaseEnded) {
			c.tell(pool.Errorf(pool.ErrUnavailable, "it expires "+when(l.Expires), "cannot release lease %s: %w", l.ID, err))
		}
	}
}

// running passes signals on to the commands of a run.
type running struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	signals []chan int
	ready   chan struct{} // closed when signals is filled
	arrived chan os.Signal
}

func newRunning(ctx context.Context) *running {
	r := &running{ready: make(chan struct{}), arrived: make(chan os.Signal, patience)}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	signal.Notify(r.arrived, passedOn...)
	go r.pass()
	return r
}

// begin says that the commands begin, and how many there are.
func (r *running) begin(n int) {
	for range n {
		r.signals = append(r.signals, make(chan int, patience))
	}
	close(r.ready)
}

// stop ends the passing on. From then on signals are not waited for, and do not
// keep the leases from being released.
func (r *running) stop() {
	r.cancel(nil)
	signal.Stop(r.arrived)
}

// pass hands signals to every command. One to end ends the wait for the leases,
// and a second one the wait for the commands.
func (r *running) pass() {
	asked := false
	for {
		select {
		case <-r.ctx.Done():
			return
		case s := <-r.arrived:
			number := s.(syscall.Signal)
			if ends(number) && (asked || !r.begun()) {
				r.cancel(interrupted{number})
				return
			}
			asked = asked || ends(number)
			r.toAll(int(number))
		}
	}
}

func (r *running) begun() bool {
	select {
	case <-r.ready:
		return true
	default:
		return false
	}
}

func (r *running) toAll(number int) {
	if !r.begun() {
		return
	}
	for _, to := range r.signals {
		select {
		case to <- number:
		default: // it has enough of them
		}
	}
}

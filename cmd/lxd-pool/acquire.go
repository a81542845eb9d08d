package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (c *cli) acquire() *cobra.Command {
	wish := pool.AcquireRequest{Wait: pool.Duration(time.Minute)}
	env := newPairs("KEY=VALUE")
	cmd := &cobra.Command{
		Use:   "acquire POOL",
		Short: "Lease an instance",
		Long: `Lease an instance of a pool, or several at once with --count: all of them or none.
When nothing is ready the request waits in a queue for as long as --wait says. The
token in the answer is shown this once; it alone is enough to use this lease, from any
process that has it in LXD_POOL_TOKEN.`,
		Example: `  lxd-pool acquire ci --ttl 30m --purpose "trying the new kernel"
  # For scripts: the id alone.
  lease=$(lxd-pool acquire ci -q)
  # Three or none; give up if they are not ready at once.
  lxd-pool acquire ci --count 3 --wait 0 -f json
  # A retry under the same request id gets the same lease.
  lxd-pool acquire ci --request-id build-4711`,
		Args:              exactly(1),
		ValidArgsFunction: completing(1, c.poolNames),
	}
	acquireFlags(cmd, &wish, "variable of every command run through the lease; more than one are allowed", env)
	flags := cmd.Flags()
	flags.IntVar(&wish.Count, "count", 1, "how many leases, all or none")
	flags.Var((*requestValue)(&wish.Request), "request-id", "name of this request, so that asking again gets the same leases")
	flags.StringVar((*string)(&wish.Holder), "holder", "", "whose lease it is to be, as KIND:NAME; for operators (default: one's own)")
	kinds(flags, "count", "N", "holder", "KIND:NAME")
	format := formatFlag(cmd, append([]string{asText}, listFormats...)...)
	cmd.RunE = verb(func(ctx context.Context, args []string) error {
		wish.Pool, wish.Env = pool.PoolName(args[0]), env.pairs
		if err := checkCount(wish.Count); err != nil {
			return err
		}
		leases, err := c.await(ctx, wish)
		if err != nil {
			return err
		}
		return c.printAcquired(leases, format, flags.Changed("count"))
	})
	return cmd
}

// acquireFlags are those that acquire and run share.
func acquireFlags(cmd *cobra.Command, wish *pool.AcquireRequest, envHelp string, env *pairsValue) {
	flags := cmd.Flags()
	flags.Var(durationValue{duration: &wish.TTL}, "ttl", "how long the lease lasts, counted from the grant (default: the pool's ttl)")
	flags.Var(durationValue{&wish.Wait, true}, "wait", `how long to wait for the grant; 0 tries once, "forever" has no end`)
	flags.IntVar(&wish.Priority, "priority", 0, "a request with a higher one is served first")
	flags.StringVar(&wish.Purpose, "purpose", "", "what the lease is for, for others to read")
	flags.VarP(env, "env", "e", envHelp)
	settingsFlags(cmd, &wish.Settings)
	kinds(flags, "priority", "N", "purpose", "TEXT")
}

// requestValue is a request id.
type requestValue pool.RequestID

func (v *requestValue) Set(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	*v = requestValue(text)
	return nil
}

func (v *requestValue) String() string { return string(*v) }
func (*requestValue) Type() string     { return "ID" }

func checkCount(n int) error {
	if n < 1 {
		return pool.Invalidf("", "cannot acquire %d leases: it must be at least one", n)
	}
	return nil
}

// explainEvery is how often the reason for waiting is asked for again.
const explainEvery = 2 * time.Second

// await acquires, and shows meanwhile why it takes so long.
func (c *cli) await(ctx context.Context, wish pool.AcquireRequest) ([]*api.Lease, error) {
	p := c.progress("waiting for pool "+string(wish.Pool), 0)
	defer p.done()
	if p != nil {
		telling, stop := context.WithCancel(ctx)
		defer stop()
		go c.tellWhy(telling, wish.Pool, p)
	}
	return c.client().Acquire(ctx, wish)
}

func (c *cli) tellWhy(ctx context.Context, name pool.PoolName, p *progress) {
	tick := time.NewTicker(explainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if list, err := c.client().Why(ctx, string(name)); err == nil && len(list) > 0 {
			p.say(list[0].Summary, 0)
		}
	}
}

func (c *cli) printAcquired(leases []*api.Lease, format *formatValue, asList bool) error {
	if c.quiet {
		for _, l := range leases {
			fmt.Fprintln(c.out, l.ID)
		}
		return nil
	}
	if format.name != asText {
		return c.printLeases(leases, format, asList)
	}
	for i, l := range leases {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		c.describe(l)
		fmt.Fprintf(c.out, "\nUse it, keep it, give it back:\n  lxd-pool exec %s -- COMMAND\n  lxd-pool renew %s\n  lxd-pool release %s\n", l.ID, l.ID, l.ID)
	}
	return nil
}

// describe writes a lease for people.
func (c *cli) describe(l *api.Lease) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(c.out, "  %-10s %s\n", name, value)
		}
	}
	fmt.Fprintf(c.out, "Lease %s\n", l.ID)
	line("instance", string(l.Instance))
	for _, a := range l.Addresses {
		line("address", a.Address+" ("+a.Interface+")")
	}
	for _, f := range l.Forwards {
		line("forward", f.String())
	}
	line("remote", string(l.Remote))
	line("location", l.Location)
	line("holder", string(l.Holder))
	line("purpose", l.Purpose)
	line("created", when(l.Created))
	if l.Ended == nil {
		line("expires", when(l.Expires)+", "+fromNow(l.Expires))
	} else {
		line("ended", when(l.Ended.At)+", "+string(l.Ended.Cause)+" by "+string(l.Ended.By))
		line("because", l.Ended.Reason)
	}
	line("token", string(l.Token))
}

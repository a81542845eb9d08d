// Go-web is an example of a charm that leases instances from lxd-pool. Each of
// its units leases as many as its config says, runs a command in each of them
// once, and tells in its status what it has. Every event does the same: it says
// what is needed, looks at what there is, and does what is left to do.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/lease"
	"github.com/lxd-pool/lxd-pool/pool"
)

// endpoint is the one in charmcraft.yaml.
const endpoint = "pool"

// config is what "juju config" says.
type config struct {
	Pool    pool.PoolName `json:"pool"`
	Count   int           `json:"count"`
	TTL     string        `json:"ttl"`
	SSH     bool          `json:"ssh"`
	Purpose string        `json:"purpose"`
	// Request is the id of the request. After an operator has revoked a lease,
	// another id asks for another one.
	Request string `json:"request"`
	Command string `json:"command"`
}

// charm is one run of the charm.
type charm struct {
	event  hooktool.Event
	tools  hooktool.Tools
	pool   lease.Requirer
	config config
	// dir is where the unit keeps its ssh key and what its commands did.
	dir string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err) // into the log of the unit; Juju runs the hook again
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	event := hooktool.ThisEvent()
	c := &charm{
		event: event, pool: lease.Requirer{Endpoint: endpoint, Unit: event.Unit},
		dir: cmp.Or(os.Getenv("CHARM_STATE"), event.Dir),
	}
	if err := c.tools.Config(ctx, &c.config); err != nil {
		return err
	}
	if event.Action != "" {
		return c.act(ctx)
	}
	status, message, err := c.reconcile(ctx)
	if err != nil {
		return err
	}
	return c.tools.SetStatus(ctx, status, message)
}

// reconcile asks, looks and works, and returns what there is to say of it. Only
// what the next try may mend is an error.
func (c *charm) reconcile(ctx context.Context) (hooktool.Status, string, error) {
	relations, err := c.tools.RelationIDs(ctx, endpoint)
	if err != nil {
		return "", "", err
	}
	if len(relations) == 0 {
		return hooktool.Blocked, "relate me to lxd-pool", c.forget()
	}
	if err := c.ask(ctx); errors.Is(err, pool.ErrInvalid) {
		return hooktool.Blocked, err.Error(), nil
	} else if err != nil {
		return "", "", err
	}
	granted, problems, err := c.granted(ctx)
	if err != nil {
		return "", "", err
	}
	status, message := verdict(c.config.Count*len(relations), granted, problems)
	trouble, why, err := c.runEverywhere(ctx, granted)
	if status == hooktool.Active && trouble != "" {
		status, message = trouble, why
	}
	return status, message, err
}

// ask says in every relation what this unit needs.
func (c *charm) ask(ctx context.Context) error {
	if c.config.Count == 0 {
		return c.pool.Ask(ctx)
	}
	r := lease.Request{ID: c.config.Request, Pool: c.config.Pool, Count: c.config.Count, Purpose: c.config.Purpose}
	if c.config.TTL != "" {
		var err error
		if r.TTL, err = pool.ParseDuration(c.config.TTL); err != nil {
			return err
		}
	}
	if c.config.SSH {
		var err error
		if r.SSHPublicKey, err = c.publicKey(); err != nil {
			return err
		}
	}
	return c.pool.Ask(ctx, r)
}

// granted returns the leases of what is asked for now, by the names of their
// instances, and what is wrong. What was asked for before is on its way out.
func (c *charm) granted(ctx context.Context) ([]lease.Granted, []lease.Problem, error) {
	granted, problems, err := c.pool.Granted(ctx)
	granted = slices.DeleteFunc(granted, func(g lease.Granted) bool {
		return g.Request != c.config.Request || g.Pool != c.config.Pool
	})
	slices.SortFunc(granted, func(a, b lease.Granted) int { return cmp.Compare(a.Instance, b.Instance) })
	problems = slices.DeleteFunc(problems, func(p lease.Problem) bool { return p.Request != "" && p.Request != c.config.Request })
	return granted, problems, err
}

// verdict says how the unit is, by what it has.
func verdict(want int, granted []lease.Granted, problems []lease.Problem) (hooktool.Status, string) {
	have := fmt.Sprintf("%d of %d leases", len(granted), want)
	for _, p := range problems {
		return statusOf(p), strings.TrimSuffix(have+": "+p.Reason+"; "+p.Next, "; ")
	}
	if len(granted) != want {
		return hooktool.Waiting, have
	}
	var names []string
	for _, g := range granted {
		names = append(names, string(g.Instance))
	}
	return hooktool.Active, have + ": " + strings.Join(names, " ")
}

// statusOf tells what goes by itself from what somebody has to mend.
func statusOf(p lease.Problem) hooktool.Status {
	switch pool.KindOf(p.Code) {
	case pool.ErrExhausted, pool.ErrUnavailable, pool.ErrClosed, pool.ErrFailed:
		return hooktool.Waiting
	}
	return hooktool.Blocked
}

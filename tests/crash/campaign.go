package crash

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Campaign is one run: a daemon that is killed again and again under load.
type Campaign struct {
	Daemon *Daemon
	Pools  map[pool.PoolName]pool.Spec
	// Holders is how many there are for each pool. The first two of them keep a
	// lease to the end.
	Holders int
	// Kills is how often the daemon is killed, each time at most Between after
	// it was started: that can be before it serves.
	Kills   int
	Between time.Duration
	// Lingers is the longest that a holder uses a lease.
	Lingers time.Duration
	// Seed decides the moments and what the holders do.
	Seed uint64

	Book *Book
}

// Run makes the pools, lets the holders live while the daemon is killed, and
// then checks what they were answered. At the end the daemon runs and is at
// rest, and the answer has every instance that it knows. Broken promises are in
// the book; an error says that the run itself could not go on.
func (c *Campaign) Run(ctx context.Context) ([]*api.Instance, error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	var holders sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(c.Pools)) {
		for j := range c.Holders {
			h := c.holder(name, uint64(i*c.Holders+j))
			if j < 2 {
				h.keeps = 1
			}
			holders.Go(func() { h.live(ctx, stop) })
		}
	}
	err := c.kill(ctx)
	close(stop)
	holders.Wait()
	if err != nil {
		return nil, err
	}
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	own := c.Daemon.Client()
	defer own.Close()
	if err := c.Book.Check(ctx, own); err != nil {
		return nil, err
	}
	if c.Daemon.crashed() {
		c.Book.fault("the daemon failed by itself, see its log")
	}
	return own.Instances(ctx, "")
}

func (c *Campaign) holder(name pool.PoolName, number uint64) *holder {
	return &holder{
		client: c.Daemon.Client(), book: c.Book, pool: name,
		rand: rand.New(rand.NewPCG(c.Seed, number+1)), lingers: c.Lingers,
	}
}

// begin makes the pools and waits until they are full.
func (c *Campaign) begin(ctx context.Context) error {
	if err := c.Daemon.Start(); err != nil {
		return err
	}
	if err := c.Daemon.Ready(ctx); err != nil {
		return err
	}
	own := c.Daemon.Client()
	defer own.Close()
	for name, spec := range c.Pools {
		if _, err := own.CreatePool(ctx, name, spec); err != nil {
			return err
		}
	}
	return c.settle(ctx)
}

// kill kills the daemon as often as it is to be, and leaves one that serves.
func (c *Campaign) kill(ctx context.Context) error {
	moments := rand.New(rand.NewPCG(c.Seed, 0))
	for n := range c.Kills {
		select {
		case <-time.After(time.Duration(moments.Int64N(int64(c.Between)))):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.Daemon.Kill(); err != nil {
			return fmt.Errorf("kill %d: %w", n+1, err)
		}
		if err := c.Daemon.Start(); err != nil {
			return err
		}
	}
	return c.Daemon.Ready(ctx)
}

// settle waits until every pool has what it wants and nothing is under way.
func (c *Campaign) settle(ctx context.Context) error {
	own := c.Daemon.Client()
	defer own.Close()
	tick := time.NewTicker(4 * pause)
	defer tick.Stop()
	for {
		rest, err := c.atRest(ctx, own)
		if err != nil || rest {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return c.restless(own)
		}
	}
}

func (c *Campaign) atRest(ctx context.Context, own *client.Client) (bool, error) {
	for name, spec := range c.Pools {
		p, err := own.Pool(ctx, name)
		if err != nil {
			return false, err
		}
		n := p.Counts
		if n.Ready != spec.Size || n.Built() != n.Ready+n.Leased || n.Waiting != 0 {
			return false, nil
		}
	}
	return true, nil
}

// restless says how the pools are that never came to rest.
func (c *Campaign) restless(own *client.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pools, err := own.Pools(ctx)
	text := fmt.Sprint(err)
	for _, p := range pools {
		text += fmt.Sprintf("\npool %s, with %d leases kept: %+v %+v", p.Name, c.Book.kept(p.Name), p.Counts, p.Problems)
	}
	return fmt.Errorf("the pools never came to rest: %s", text)
}

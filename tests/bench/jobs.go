package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lxd-pool/lxd-pool/pool"
)

// jobsAtOnce is how many jobs run at the same time.
const jobsAtOnce = 4

// jobSet is some short jobs on machines of one image.
type jobSet struct {
	image  string
	jobs   int
	rounds int
}

var jobSets = []jobSet{{busybox, 16, 2}, {debian, 8, 1}}

// job is what each of them does: it needs the network, and then nothing.
var job = []string{"--", "sh", "-c", onNetwork}

// jobs measures short jobs, each on a machine that nobody had before: on a pool
// with one ready for each, on a pool with fewer so that it has to make them
// meanwhile, and by hand as it is done without a pool.
func (b *bench) jobs(ctx context.Context) (_ string, err error) {
	d, err := b.startDaemon(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	t := newTable("image", "jobs", "how", "wall time", "longest job", "times by hand", "aim")
	for _, set := range jobSets {
		if err := b.jobSet(ctx, d, set, t); err != nil {
			return "", fmt.Errorf("%s: %w", set.image, err)
		}
	}
	return t.String(), nil
}

// jobSet adds the rows of one image.
func (b *bench) jobSet(ctx context.Context, d *daemon, set jobSet, t *table) error {
	name := pool.PoolName("jobs-" + strings.TrimPrefix(set.image, "lxd-pool/"))
	if err := d.create(ctx, name, pool.Spec{Image: set.image}); err != nil {
		return err
	}
	var hand, ahead, steady jobTimes
	for round := range set.rounds {
		if err := hand.measure(ctx, set, b.byHand(set, round)); err != nil {
			return err
		}
		if err := d.measureJobs(ctx, name, set, set.jobs, &ahead); err != nil {
			return err
		}
		if err := d.measureJobs(ctx, name, set, jobsAtOnce, &steady); err != nil {
			return err
		}
	}
	row := func(how string, of jobTimes, aim string) {
		ratio := pairs{of.wall, hand.wall}.ratio()
		t.row("`"+set.image+"`", set.jobs, how, seconds(of.wall.p50()), seconds(of.each.at(1)), factor(ratio), aim)
	}
	row(fmt.Sprintf("**`lxd-pool run`**, size %d", set.jobs), ahead, "≤ 0.5")
	row(fmt.Sprintf("**`lxd-pool run`**, size %d", jobsAtOnce), steady, "")
	row("`lxc launch`, `lxc exec`, `lxc delete -f`", hand, "")
	return d.DeletePool(ctx, name, true)
}

// measureJobs runs the jobs of a round on a pool of that size, full when they begin.
func (d *daemon) measureJobs(ctx context.Context, name pool.PoolName, set jobSet, size int, into *jobTimes) error {
	if err := d.resize(ctx, name, size); err != nil {
		return err
	}
	return into.measure(ctx, set, d.onPool(name))
}

// jobTimes is how long all the jobs of a round took together, and each of them.
type jobTimes struct{ wall, each times }

// measure runs the jobs of a round, jobsAtOnce of them at a time.
func (t *jobTimes) measure(ctx context.Context, set jobSet, job func(ctx context.Context, i int) error) error {
	each := make(times, set.jobs)
	err := t.wall.add(func() error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(jobsAtOnce)
		for i := range each {
			group.Go(func() (err error) {
				each[i], err = timed(func() error { return job(ctx, i) })
				return err
			})
		}
		return group.Wait()
	})
	t.each = append(t.each, each...)
	return err
}

// byHand is a job with LXD's own command.
func (b *bench) byHand(set jobSet, round int) func(ctx context.Context, i int) error {
	return func(ctx context.Context, i int) error {
		name := fmt.Sprintf("job-%d-%d", round, i)
		for _, step := range [][]string{{"launch", set.image, name}, append([]string{"exec", name}, job...), {"delete", "-f", name}} {
			if err := b.lxd.lxc(ctx, step...); err != nil {
				return err
			}
		}
		return nil
	}
}

// onPool is a job on a pool.
func (d *daemon) onPool(name pool.PoolName) func(ctx context.Context, i int) error {
	return func(ctx context.Context, _ int) error {
		return run(d.lxdPool(ctx, append([]string{"run", string(name), "--wait", "2m"}, job...)...))
	}
}

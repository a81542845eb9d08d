package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// daemon is a lxd-poold of its own, as a process.
type daemon struct {
	*client.Client
	bin, dir string
	args     []string
	process  *exec.Cmd
}

// startDaemon starts a daemon with its state on the disk, and returns when it answers.
func (b *bench) startDaemon(ctx context.Context, args ...string) (*daemon, error) {
	dir, err := os.MkdirTemp(b.dir, "daemon-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "socket")
	d := &daemon{
		Client: &client.Client{Socket: socket}, bin: b.bin, dir: dir,
		args: append([]string{"--state-dir", filepath.Join(dir, "state"), "--socket", socket, "--lxd", filepath.Dir(b.lxd.socket)}, args...),
	}
	if err := d.start(); err != nil {
		return nil, err
	}
	if err := d.answers(ctx); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

func (d *daemon) start() error {
	log, err := os.OpenFile(d.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	d.process = exec.Command(filepath.Join(d.bin, "lxd-poold"), d.args...)
	d.process.Stderr = log
	// The daemon ends by itself should this process be killed.
	d.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return d.process.Start()
}

func (d *daemon) logPath() string { return filepath.Join(d.dir, "log") }

// answers returns when the daemon answers, asking all the time.
func (d *daemon) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := until(ctx, time.Millisecond, func() (bool, error) {
		_, err := d.Version(ctx)
		return err == nil, nil
	})
	if err != nil {
		log, _ := os.ReadFile(d.logPath())
		return fmt.Errorf("lxd-poold does not answer: %w\n%s", err, log)
	}
	return nil
}

// kill ends the daemon as a power cut would.
func (d *daemon) kill() {
	d.process.Process.Kill()
	d.process.Wait()
	d.Close()
}

// stop ends the daemon with everything that its pools have.
func (d *daemon) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var failed []error
	pools, err := d.Pools(ctx)
	failed = append(failed, err)
	for _, p := range pools {
		failed = append(failed, d.DeletePool(ctx, p.Name, true))
	}
	d.Close()
	failed = append(failed, d.process.Process.Signal(syscall.SIGTERM), d.process.Wait())
	return errors.Join(failed...)
}

// create makes a pool in the project.
func (d *daemon) create(ctx context.Context, name pool.PoolName, s pool.Spec) error {
	s.Project = project
	_, err := d.CreatePool(ctx, name, s)
	return err
}

// lookEvery is how often the counts of a pool are asked for.
const lookEvery = 10 * time.Millisecond

// counts returns when the counts of a pool are as wanted.
func (d *daemon) counts(ctx context.Context, name pool.PoolName, want func(pool.Counts) bool) error {
	bounded, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	var last *api.Pool
	err := until(bounded, lookEvery, func() (yes bool, err error) {
		last, err = d.Pool(ctx, name)
		return err == nil && want(last.Counts), err
	})
	if err != nil && last != nil {
		err = fmt.Errorf("pool %s does not get there: %w: %+v %+v", name, err, last.Counts, last.Problems)
	}
	return err
}

// full returns when so many are ready and nothing is under way.
func (d *daemon) full(ctx context.Context, name pool.PoolName, size int) error {
	return d.counts(ctx, name, func(c pool.Counts) bool { return c == pool.Counts{Ready: size} })
}

// resize gives a pool another size, and a max to match, and returns when it has
// exactly that many.
func (d *daemon) resize(ctx context.Context, name pool.PoolName, size int) error {
	set := map[string]string{"size": strconv.Itoa(size), "max": strconv.Itoa(max(4, 2*size))}
	if _, err := d.SetPool(ctx, name, set); err != nil {
		return err
	}
	return d.full(ctx, name, size)
}

// take acquires one that is ready at this instant.
func (d *daemon) take(ctx context.Context, name pool.PoolName) (pool.LeaseID, error) {
	leases, err := d.Acquire(ctx, pool.AcquireRequest{Pool: name})
	if err != nil {
		return "", err
	}
	return leases[0].ID, nil
}

func (d *daemon) release(ctx context.Context, all []pool.LeaseID) error {
	for _, id := range all {
		if _, err := d.Release(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// lxdPool is the command lxd-pool on this daemon.
func (d *daemon) lxdPool(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "lxd-pool"), args...)
	cmd.Env = append(os.Environ(), "LXD_POOL_SOCKET="+d.Socket)
	return cmd
}

package pebble

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	pebble "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	// deleteWithin is how long Stop tries to delete the instances.
	deleteWithin = 2 * time.Minute
	// closeWithin is what a program needs to end after that.
	closeWithin = 10 * time.Second
)

// Stop ends the daemon and deletes what it has in LXD, leased or not, and then
// its configuration: a daemon without one has nothing. The journals stay, and
// one that is configured again fills its pools anew.
func (w *Workload) Stop(ctx context.Context) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	return stop(c)
}

func stop(c *container) error {
	if err := halt(c); err != nil {
		return err
	}
	config, err := c.read(configFile)
	if err != nil || config == nil {
		return err
	}
	if err := deleteAll(c); err != nil {
		return err
	}
	return c.remove(configFile)
}

// halt has Pebble end the daemon, and no longer look after it.
func halt(c *container) error {
	status, err := c.status()
	if err != nil || status == "" {
		return err
	}
	if _, err := c.StopChecks(&pebble.ChecksActionOptions{Names: []string{check}}); err != nil {
		return c.failed(err, "end the check of the daemon")
	}
	return c.failed(c.do(c.Client.Stop, service), "stop the daemon")
}

// deleteAll runs the daemon's program once more, with what the daemon had, to
// delete its instances.
func deleteAll(c *container) error {
	var said bytes.Buffer
	process, err := c.Exec(&pebble.ExecOptions{
		Command:     []string{daemonProgram, "--delete-all", "--drain-timeout", deleteWithin.String()},
		Environment: environment(), Timeout: deleteWithin + closeWithin, Stdout: &said,
	})
	if err == nil {
		err = process.Wait()
	}
	if _, ended := errors.AsType[*pebble.ExitError](err); ended {
		_, why, _ := strings.Cut("\n"+said.String(), "\nError: ")
		return pool.Errorf(pool.ErrFailed, `what is left is listed with "lxc list user.lxd-pool.manager!="`,
			"cannot delete the instances: %s", strings.TrimSpace(why))
	}
	return c.failed(err, "run %s --delete-all", daemonProgram)
}

// Remove does what Stop does, and removes the files that were put into the
// container. The journals stay on the storage of the unit, and go with that.
func (w *Workload) Remove(ctx context.Context) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := stop(c); err != nil {
		return err
	}
	return c.remove(filesDir)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// install runs before the daemon starts for the first time, and configure after
// that: so the daemon finds its default pool at once.
func install(ctx context.Context, s *snap) error {
	c, err := s.read(ctx)
	if err != nil {
		return err
	}
	return s.write(c)
}

// preRefresh runs in the old revision while its daemon serves. There is nothing
// to save: what is leased is in the journal, which is in $SNAP_COMMON and so
// the same for both, and those that wait ask the new daemon again.
func preRefresh(context.Context, *snap) error { return nil }

// postRefresh runs in the new revision before its daemon starts. Defaults may
// have changed, so that the configuration is made again; one that this revision
// does not take is for configure to refuse, which runs soon after.
func postRefresh(ctx context.Context, s *snap) error {
	c, err := s.read(ctx)
	if err != nil {
		return nil
	}
	return s.write(c)
}

// connected has the daemon look for LXD now rather than soon, and tells snapd
// what it found. The daemon finds out by itself too, so that nothing here is a
// reason to refuse a connection.
func connected(ctx context.Context, s *snap) error {
	_, err := s.reload(ctx)
	err = errors.Join(err, s.setHealth(ctx, func(h health) bool { return h.status == "okay" }))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return nil
}

// disconnected runs just before the daemon loses its LXD, and says so already.
func disconnected(ctx context.Context, s *snap) error {
	if err := s.tell(ctx, notConnected); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return nil
}

// deleteWithin is how long remove tries to delete the instances.
const deleteWithin = 2 * time.Minute

// remove runs when the snap is removed for good: the daemon has ended, and LXD
// is still connected. It deletes what the daemon has in LXD, as far as that
// goes in time; the journals stay for the snapshot that snapd takes. snapd
// ignores how this ends, so that what is left is said.
func remove(ctx context.Context, s *snap) error {
	if yes, err := s.isConnected(ctx, "lxd"); err == nil && !yes && os.Getenv("LXD_POOLD_LXD") == "" {
		return errors.New(`cannot delete the instances: LXD is not connected; what is left is listed with "lxc list user.lxd-pool.manager!="`)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "bin", "lxd-poold"), "--delete-all", "--drain-timeout", deleteWithin.String())
	cmd.Env = append(os.Environ(), "LXD_POOLD_CONFIG="+s.configFile())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

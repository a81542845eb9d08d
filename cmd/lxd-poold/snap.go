package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// inSnap reports whether the daemon is that of the snap.
func inSnap() bool { return os.Getenv("SNAP_NAME") == "lxd-pool" }

// snapctlWithin is how long snapd may take to answer.
const snapctlWithin = 5 * time.Second

// What the operator of a snap types when LXD cannot be reached.
const (
	connectLXD = "sudo snap connect lxd-pool:lxd lxd:lxd"
	setUpLXD   = `"sudo snap install lxd" and "sudo lxd init --auto"`
)

// remedy says what to do about an LXD that a snap cannot reach. The kernel
// refuses a snap that is not connected, and finds no socket of an LXD that is
// not there or was never set up.
func remedy(err error) string {
	connected := lxdIsConnected()
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case absent && connected:
		return "set LXD up with " + setUpLXD
	case absent:
		return "connect LXD, run: " + connectLXD + " (if there is no LXD yet, set it up before with " + setUpLXD + ")"
	case !connected || errors.Is(err, fs.ErrPermission):
		return "connect LXD, run: " + connectLXD
	}
	return ""
}

// lxdIsConnected asks snapd. One that does not answer says nothing against it.
func lxdIsConnected() bool {
	ctx, cancel := context.WithTimeout(context.Background(), snapctlWithin)
	defer cancel()
	err := exec.CommandContext(ctx, "snapctl", "is-connected", "lxd").Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	return !ok || exit.ExitCode() != 1
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool/client"
)

// snap is the snap that the hook belongs to.
type snap struct {
	// dir is where its programs are, common where its data is.
	dir, common string
	// ctl is snapd's own tool for hooks.
	ctl string
	// patience is how long a daemon that starts may take to answer, and LXD to be
	// found after it was connected.
	patience time.Duration
}

func thisSnap() *snap {
	return &snap{dir: os.Getenv("SNAP"), common: os.Getenv("SNAP_COMMON"), ctl: "snapctl", patience: 15 * time.Second}
}

// daemon is the name of the service, as snapctl knows it.
const daemon = "lxd-pool.daemon"

func (s *snap) socket() string { return filepath.Join(s.common, "api", "unix.socket") }

// configFile is what the daemon is told to read.
func (s *snap) configFile() string { return filepath.Join(s.common, "config", "daemon.yaml") }

// client returns a client of the daemon, to be closed.
func (s *snap) client() *client.Client { return &client.Client{Socket: s.socket()} }

// snapctl runs snapd's tool and returns what it prints.
func (s *snap) snapctl(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.ctl, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot run snapctl %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out, nil
}

// isConnected reports whether the plug is connected.
func (s *snap) isConnected(ctx context.Context, plug string) (bool, error) {
	_, err := s.snapctl(ctx, "is-connected", plug)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}

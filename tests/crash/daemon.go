package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lxd-pool/lxd-pool/pool/client"
)

// Daemon is a lxd-poold in a process of its own. What it keeps is in Dir and
// outlives it.
type Daemon struct {
	// Program is the path of lxd-poold, Dir a directory with a short name.
	Program, Dir string
	// Flags and Env are added to what every daemon gets.
	Flags, Env []string

	process *exec.Cmd
}

// Socket is where it listens.
func (d *Daemon) Socket() string { return filepath.Join(d.Dir, "socket") }

// Client returns a client of its own for everyone who asks.
func (d *Daemon) Client() *client.Client { return &client.Client{Socket: d.Socket()} }

// Start starts it and does not wait until it serves.
func (d *Daemon) Start() error {
	log, err := os.OpenFile(d.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := append([]string{"--state-dir", filepath.Join(d.Dir, "state"), "--socket", d.Socket(), "--log-level", "warn"}, d.Flags...)
	d.process = exec.Command(d.Program, args...)
	d.process.Env = append(os.Environ(), d.Env...)
	d.process.Stderr = log
	return d.process.Start()
}

// Ready returns when it answers.
func (d *Daemon) Ready(ctx context.Context) error {
	c := d.Client()
	defer c.Close()
	return insist(ctx, func() error {
		_, err := c.Version(ctx)
		return err
	})
}

// Kill ends it as a power cut would. One that had ended by itself is an error.
func (d *Daemon) Kill() error {
	if err := d.process.Process.Kill(); err != nil {
		return fmt.Errorf("it had ended already: %w", err)
	}
	err := d.process.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil
	}
	return fmt.Errorf("it ended by itself: %v", err)
}

// Stop tells it to end and waits until it has.
func (d *Daemon) Stop() error {
	if err := d.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return d.process.Wait()
}

func (d *Daemon) logPath() string { return filepath.Join(d.Dir, "log") }

// Log returns what it has logged, all its lives together.
func (d *Daemon) Log() []byte {
	text, err := os.ReadFile(d.logPath())
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// crashed reports whether it ever failed by itself.
func (d *Daemon) crashed() bool {
	log := d.Log()
	return bytes.Contains(log, []byte("panic: ")) || bytes.Contains(log, []byte("DATA RACE"))
}

// pause is how long to wait before asking a daemon again that does not answer.
const pause = 5 * time.Millisecond

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// bench is what the parts share.
type bench struct {
	// bin has the programs, dir is on the disk and deleted at the end.
	bin, dir string
	lock     net.Listener
	lxd      *lxd
	began    time.Time
	noise    []float64
	load     string
}

// newBench makes the bench ready and takes away what an interrupted one left.
func newBench(ctx context.Context, bin string) (_ *bench, err error) {
	b := &bench{began: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	if err := b.openDir(); err != nil {
		return nil, err
	}
	if b.load, err = loadAverage(); err != nil {
		return nil, err
	}
	if b.lxd, err = findLXD(b.dir); err != nil {
		return nil, err
	}
	return b, b.lxd.openProject(ctx)
}

// scratch is where everything that a run writes goes. It is not in /tmp, which
// may be memory: what is durable has to reach a disk.
const scratch = "/var/tmp/lxd-pool-bench"

// openDir makes the directory anew, for one bench at a time on this machine: an
// abstract socket is the lock, which the kernel takes away with its process.
func (b *bench) openDir() (err error) {
	if b.lock, err = net.Listen("unix", "@lxd-pool-bench"); err != nil {
		return fmt.Errorf("cannot measure: another bench is at work on this machine: %w", err)
	}
	b.dir = scratch
	return errors.Join(os.RemoveAll(b.dir), os.Mkdir(b.dir, 0o700))
}

func (b *bench) close() error {
	var failed []error
	if b.lxd != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		failed = append(failed, b.lxd.dropProject(ctx))
	}
	if b.dir != "" {
		failed = append(failed, os.RemoveAll(b.dir))
	}
	if b.lock != nil {
		failed = append(failed, b.lock.Close())
	}
	return errors.Join(failed...)
}

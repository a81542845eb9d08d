package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// simulated is a manager in this process, on a simulated LXD that takes no time
// and with journals on the disk.
type simulated struct {
	dir     string
	store   *boltstore.Store
	manager *pool.Manager
	server  *server.Server
	served  chan error
}

// simPool is the name of the one pool in it.
const simPool pool.PoolName = "sim"

// openSimulated opens one in dir with a pool of so many instances, all ready.
func openSimulated(ctx context.Context, parent string, size int) (_ *simulated, err error) {
	s := &simulated{served: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp(parent, "simulated-"); err != nil {
		return nil, err
	}
	if s.store, err = boltstore.Open(s.dir, boltstore.Options{}); err != nil {
		return nil, err
	}
	s.manager, err = pool.NewManager(ctx, pool.Options{
		Backend: simbackend.New(simbackend.Options{Latency: simbackend.Instant, History: 1}),
		Store:   s.store,
		Workers: pool.Workers{Create: simWorkers, Start: simWorkers, Clean: simWorkers},
	})
	if err != nil {
		return nil, err
	}
	spec := pool.Spec{Image: "busybox", Size: size, Max: size, Recycle: pool.ResetToSnapshot}
	if _, err := s.manager.CreatePool(ctx, simPool, spec); err != nil {
		return nil, err
	}
	return s, s.full(ctx, size)
}

// simWorkers is how many calls of the simulated LXD are under way at once:
// enough that they are never what is waited for.
const simWorkers = 1024

func (s *simulated) full(ctx context.Context, size int) error {
	return until(ctx, 20*time.Millisecond, func() (bool, error) {
		status, err := s.manager.Pool(ctx, simPool)
		return err == nil && status.Counts.Ready == size, err
	})
}

// serve serves the manager on a unix socket as well.
func (s *simulated) serve() error {
	l, err := net.Listen("unix", s.socket())
	if err != nil {
		return err
	}
	s.server = server.New(s.manager, server.Options{})
	go func() { s.served <- s.server.Serve(l) }()
	return nil
}

func (s *simulated) socket() string { return filepath.Join(s.dir, "socket") }

func (s *simulated) close() error {
	var failed []error
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		failed = append(failed, s.server.Shutdown(ctx), <-s.served)
	}
	if s.manager != nil {
		failed = append(failed, s.manager.Close())
	}
	if s.store != nil {
		failed = append(failed, s.store.Close())
	}
	return errors.Join(append(failed, os.RemoveAll(s.dir))...)
}

// until asks again and again whether something has come true.
func until(ctx context.Context, every time.Duration, asked func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		yes, err := asked()
		if yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// deleteAll deletes everything in LXD that carries the tag of this state
// directory, leased or not, while no daemon serves it. It ends in time, and its
// error names what is left. The journals stay: a daemon that is started on them
// again fills its pools anew.
func deleteAll(flags *options, log *slog.Logger) (err error) {
	o, err := flags.configured()
	if err != nil {
		return err
	}
	store, err := openState(o.stateDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.drainTimeout))
	defer cancel()
	b, err := openBackend(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return empty(ctx, b, store.Manager(), log)
}

// deleters is how many instances are deleted at once.
const deleters = 4

// empty deletes whatever a backend has of a manager.
func empty(ctx context.Context, b pool.Backend, manager pool.ManagerID, log *slog.Logger) error {
	all, err := b.List(ctx, manager)
	if err != nil {
		return pool.Errorf(pool.ErrUnavailable, `delete them with "lxc delete --force"`, "cannot list the instances to delete: %w", err)
	}
	var mu sync.Mutex
	var failed []error
	var group sync.WaitGroup
	slots := make(chan struct{}, deleters)
	for _, seen := range all {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			spec := pool.Spec{Project: seen.Place.Project}.WithDefaults()
			err := b.Delete(ctx, pool.Order{Manager: manager, Pool: seen.Pool, Instance: seen.Name, Spec: &spec})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, pool.Errorf(pool.ErrFailed, "", "cannot delete %s: %w", seen.Name, err))
				return
			}
			log.Info("deleted", "instance", seen.Name)
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

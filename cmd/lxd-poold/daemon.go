package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"

	versions "github.com/lxd-pool/lxd-pool/cmd/internal/version"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/server"
)

// daemon is everything that is open while lxd-poold serves.
type daemon struct {
	// flags are what the operator said, options that with the configuration as
	// it was at the start.
	flags, options *options
	log            *slog.Logger
	// again asks for the configuration to be read again; reloading is held meanwhile.
	again     chan struct{}
	reloading sync.Mutex
	// ownSocket says that nobody passed the socket to us.
	ownSocket bool
	store     *boltstore.Store
	listeners []net.Listener
	// network are the listeners with TLS, and certificate what they show; nil: there are none.
	network     []net.Listener
	certificate *server.Certificate
	metrics     net.Listener // nil: there is none
	backend     backend
	manager     *pool.Manager
	server      *server.Server
	notify      notifier
}

// openDaemon opens everything. The journals come first: they tell at once whether
// another daemon is at work, before anything of its is touched.
func openDaemon(ctx context.Context, flags *options, log *slog.Logger) (_ *daemon, err error) {
	o, err := flags.configured()
	if err != nil {
		return nil, err
	}
	d := &daemon{flags: flags, options: o, log: log, notify: notifier{log}, again: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.store, err = openState(o.stateDir); err != nil {
		return nil, err
	}
	d.ownSocket = os.Getenv("LISTEN_FDS") == ""
	if d.listeners, err = listen(o, log); err != nil {
		return nil, err
	}
	if d.network, d.certificate, err = listenOnNetwork(o, log); err != nil {
		return nil, err
	}
	if d.metrics, err = listenForMetrics(o); err != nil {
		return nil, err
	}
	if d.backend, err = openBackend(ctx, o); err != nil {
		return nil, err
	}
	d.manager, err = pool.NewManager(ctx, pool.Options{
		Backend: d.backend, Store: d.store, Tokens: d.store, Log: log,
		Workers: pool.Workers{Create: o.workers, Start: o.workers, Clean: o.workers},
	})
	if err != nil {
		return nil, err
	}
	d.server = server.New(d.manager, server.Options{
		AdminGroup: o.group, ConsumerGroup: o.consumers, Version: versions.Text(version), Log: log, Reload: d.reload,
		Certificate: d.certificate,
	})
	return d, nil
}

// close closes what is open, in the order in which one needs the other.
func (d *daemon) close() error {
	var failed []error
	for _, l := range d.sockets() {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) { // the server closes them too
			failed = append(failed, err)
		}
	}
	if d.manager != nil {
		failed = append(failed, d.manager.Close())
	}
	if d.backend != nil {
		failed = append(failed, d.backend.Close())
	}
	if d.store != nil {
		failed = append(failed, d.store.Close())
	}
	return errors.Join(failed...)
}

// sockets are all that the daemon listens on, those of this host first.
func (d *daemon) sockets() []net.Listener {
	all := slices.Concat(d.listeners, d.network)
	if d.metrics != nil {
		all = append(all, d.metrics)
	}
	return all
}

// serve begins to serve every socket. What is sent on the channel is the
// failure of one.
func (d *daemon) serve() <-chan error {
	for _, l := range d.network {
		d.log.Info("lxd-poold listens on the network", "address", l.Addr().String(), "fingerprint", d.certificate.Fingerprint())
	}
	failed := make(chan error, len(d.sockets()))
	for _, l := range d.sockets() {
		serve := d.server.Serve
		if l == d.metrics {
			serve = d.server.ServeMetrics
			d.log.Info("lxd-poold shows its metrics", "url", "http://"+l.Addr().String()+"/metrics")
		} else {
			d.log.Info("lxd-poold serves", "version", versions.Text(version), "socket", l.Addr().String(),
				"state", d.options.stateDir, "backend", d.options.backend)
		}
		go func() {
			if err := serve(l); err != nil {
				failed <- pool.Errorf(pool.ErrInternal, "", "cannot serve %s any longer: %w", l.Addr(), err)
			}
		}()
	}
	return failed
}

// feedWatchdog tells systemd that we live as long as our own socket answers.
func (d *daemon) feedWatchdog(ctx context.Context, group *sync.WaitGroup) {
	c := &client.Client{Socket: d.listeners[0].Addr().String()}
	group.Go(func() {
		defer c.Close()
		d.notify.watch(ctx, func(ctx context.Context) error {
			_, err := c.Version(ctx)
			return err
		})
	})
}

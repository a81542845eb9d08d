package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"slices"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/specyaml"
)

// readConfig reads the file that the daemon is configured by, nil when there is
// none, or not yet.
func readConfig(path string) (*api.Configuration, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "", "cannot read the configuration: %w", err)
	}
	c, err := specyaml.Configuration(text)
	if err != nil {
		return nil, pool.Invalidf("", "cannot read the configuration %s: %w", path, err)
	}
	return c, c.Validate()
}

// with returns o with what c says in place of the flags.
func (o *options) with(c *api.Configuration) (*options, error) {
	next := *o
	next.group, next.consumers = cmp.Or(c.Group, o.group), cmp.Or(c.Consumers, o.consumers)
	if c.Listen != "" {
		next.listen = c.Addresses()
	}
	if c.TLSCert != "" {
		next.tlsCert, next.tlsKey = c.TLSCert, c.TLSKey
	}
	next.metrics = cmp.Or(c.Metrics, o.metrics)
	next.groupGiven = o.groupGiven || c.Group != ""
	if c.LogLevel != "" {
		level, err := c.Level()
		if err != nil {
			return nil, err
		}
		next.logLevel = logLevel{level}
	}
	if c.LXD != (api.ConfiguredLXD{}) {
		next.lxd, next.clientCert, next.clientKey, next.serverCert = c.LXD.Address, c.LXD.ClientCert, c.LXD.ClientKey, c.LXD.ServerCert
	}
	return &next, nil
}

// configured returns o with what its configuration says now.
func (o *options) configured() (*options, error) {
	c, err := readConfig(o.configFile)
	if c == nil {
		return o, err
	}
	next, err := o.with(c)
	if err == nil {
		next.level.Set(next.logLevel.Level)
	}
	return next, err
}

// groupsExist refuses a group that there is not. It is asked when one is set,
// and not at a start, which a group that has gone since does not prevent.
func groupsExist(c *api.Configuration) error {
	for key, name := range map[string]string{"group": c.Group, "consumers": c.Consumers} {
		if _, err := user.LookupGroup(name); name != "" && err != nil {
			return pool.Invalidf("name a group that there is", "cannot use %s=%q: %w", key, name, err)
		}
	}
	return nil
}

// canListen refuses an address that the daemon could not listen on after a
// restart, since it would not start then.
func (d *daemon) canListen(next *options) error {
	for _, address := range next.listen {
		if slices.Contains(d.options.listen, address) {
			continue // it does already
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return pool.Invalidf("choose another port, or an address of this machine", "cannot use listen=%q: %w", address, err)
		}
		defer l.Close() // after all: no two can have one port
	}
	if next.metrics == "" || next.metrics == d.options.metrics {
		return nil
	}
	l, err := listenForMetrics(next)
	if err != nil {
		return pool.Invalidf("choose another port", "cannot use metrics=%q: %w", next.metrics, err)
	}
	return l.Close()
}

// canShow refuses a certificate that the daemon could not show after a restart.
// One that it shows already it goes on showing, whatever has become of the files.
func (d *daemon) canShow(next *options) error {
	same := d.options.tlsCert == next.tlsCert && d.options.tlsKey == next.tlsKey
	if next.tlsCert == "" || same && d.certificate != nil {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(next.tlsCert, next.tlsKey); err != nil {
		step := "give a pair of PEM files that belong together and that the daemon can read"
		if inSnap() {
			step += ", below /var/snap/lxd-pool/common"
		}
		return pool.Invalidf(step, "cannot use tls-cert=%q and tls-key=%q: %w", next.tlsCert, next.tlsKey, err)
	}
	return nil
}

// keeper is who the pools of the configuration are kept by.
func keeper() pool.Keeper {
	if inSnap() {
		return pool.KeeperSnap
	}
	return pool.KeeperFile
}

// followConfig makes the daemon what its configuration says, at the start and
// whenever it is asked to, and tries again when that fails, until ctx ends.
func (d *daemon) followConfig(ctx context.Context) {
	if d.flags.configFile == "" {
		return
	}
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		var later <-chan time.Time
		if _, err := d.reload(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, pool.ErrUnsupported) {
			d.log.Error("the configuration is not taken over: "+oneLine(err), "tried again in", pause)
			later = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-later:
		case <-d.again:
			pause = firstPause / 2
		}
	}
}

// reload reads the configuration again and takes over what it can while it
// runs. It returns the keys that wait for a restart. On error nothing has
// changed.
func (d *daemon) reload(ctx context.Context) ([]string, error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	c, err := readConfig(d.flags.configFile)
	if err != nil {
		return nil, err
	}
	if c == nil { // the pools of one that was lost are not to go with it
		return nil, pool.Errorf(pool.ErrUnsupported, "name one with --config", "cannot read the configuration: there is none")
	}
	next, err := d.flags.with(c)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(groupsExist(c), d.canListen(next), d.canShow(next)); err != nil {
		return nil, err
	}
	if err := d.manager.KeepPools(ctx, keeper(), c.Pools); err != nil {
		return nil, err
	}
	next.level.Set(next.logLevel.Level)
	d.server.SetGroups(next.group, next.consumers)
	if d.ownSocket {
		if err := open(next, d.log); err != nil {
			return nil, err
		}
	}
	return d.options.restartFor(next), nil
}

// restartFor names what differs between two and only counts after a restart.
func (o *options) restartFor(next *options) []string {
	var keys []string
	if !slices.Equal(o.listen, next.listen) {
		keys = append(keys, "listen")
	}
	for _, key := range []struct{ name, is, next string }{
		{"tls-cert", o.tlsCert, next.tlsCert}, {"tls-key", o.tlsKey, next.tlsKey}, {"metrics", o.metrics, next.metrics},
	} {
		if key.is != key.next {
			keys = append(keys, key.name)
		}
	}
	if o.lxd != next.lxd || o.clientCert != next.clientCert || o.clientKey != next.clientKey || o.serverCert != next.serverCert {
		keys = append(keys, "lxd")
	}
	return keys
}

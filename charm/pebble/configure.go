package pebble

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	pebble "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Configure writes the configuration where the daemon reads it, starts the
// daemon if it does not run, and has it take over what it can; for the rest it
// is restarted. If that fails the daemon has what it had: one that did not run
// does not run.
func (w *Workload) Configure(ctx context.Context, conf *api.Configuration) error {
	if err := conf.Validate(); err != nil {
		return err
	}
	text, err := format(conf)
	if err != nil {
		return err
	}
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	before, err := c.read(configFile)
	if err != nil {
		return err
	}
	credentials, err := c.credentials(conf.LXD)
	if err != nil {
		return err
	}
	if err := c.write(configFile, text); err != nil {
		return err
	}
	failure := w.takeOver(c, credentials)
	if failure == nil || !isKnown(failure) || bytes.Equal(before, text) {
		return failure
	}
	return errors.Join(failure, w.goBack(c, before))
}

// isKnown reports whether what failed is known to have failed. After anything
// else the next call goes on from where this one came to.
func isKnown(failure error) bool {
	_, said := errors.AsType[*pool.Error](failure)
	return said
}

// goBack puts the configuration back that was there before, nil: none, and what
// the daemon was with that.
func (w *Workload) goBack(c *container, before []byte) error {
	if before == nil {
		return errors.Join(halt(c), c.remove(configFile))
	}
	conf, err := parse(before)
	if err != nil {
		return err
	}
	credentials, err := c.credentials(conf.LXD)
	if err != nil {
		return err
	}
	if err := c.write(configFile, before); err != nil {
		return err
	}
	return w.takeOver(c, credentials)
}

// takeOver has the daemon do as its configuration says. One that runs is asked
// first, before anything else is touched.
func (w *Workload) takeOver(c *container, credentials string) error {
	status, err := c.status()
	if err != nil {
		return err
	}
	if status == pebble.StatusActive {
		if _, err := w.reload(c.ctx); err != nil && !isAway(err) {
			return err
		}
	}
	text, err := layer(credentials)
	if err != nil {
		return err
	}
	if err := c.addLayer(text); err != nil {
		return err
	}
	if err := c.do(c.Replan); err != nil {
		return w.down(c, err)
	}
	answer, err := w.reloadWhenUp(c)
	if err != nil || len(answer.Restart) == 0 {
		return err
	}
	if err := c.do(c.Restart, service); err != nil {
		return w.down(c, err)
	}
	_, err = w.reloadWhenUp(c)
	return err
}

func (w *Workload) reload(ctx context.Context) (*api.Reloaded, error) {
	d := w.Daemon()
	defer d.Close()
	return d.Reload(ctx)
}

// isAway reports whether no daemon answers, for now.
func isAway(err error) bool {
	return errors.Is(err, pool.ErrUnreachable) || errors.Is(err, pool.ErrClosed)
}

const (
	// patience is how long a daemon that was started may take to answer.
	patience = 30 * time.Second
	// askEvery is how often it is asked.
	askEvery = 100 * time.Millisecond
)

// reloadWhenUp waits for the daemon to answer.
func (w *Workload) reloadWhenUp(c *container) (*api.Reloaded, error) {
	late := time.After(cmp.Or(w.Patience, patience))
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		answer, err := w.reload(c.ctx)
		if !isAway(err) {
			return answer, err
		}
		status, failure := c.status()
		switch {
		case failure != nil:
			return nil, failure
		case status != pebble.StatusActive:
			return nil, w.down(c, errors.New("it is "+string(status)))
		}
		select {
		case <-tick.C:
		case <-late:
			return nil, w.down(c, err)
		case <-c.ctx.Done():
			return nil, context.Cause(c.ctx)
		}
	}
}

// down is the error for a daemon that does not come up. One that says why has
// refused what it was given.
func (w *Workload) down(c *container, err error) error {
	failure := c.failed(err, "start the daemon")
	said, ok := errors.AsType[*pool.Error](failure)
	if !ok {
		return failure
	}
	next := "see its log with: juju ssh UNIT PEBBLE_SOCKET=/charm/containers/" + Container + "/pebble.socket /charm/bin/pebble logs"
	switch words, why := c.lastWords(); {
	case why:
		return pool.Errorf(pool.ErrRejected, "", "cannot start the daemon: %s", words)
	case words != "":
		return pool.Errorf(pool.ErrUnreachable, next, "%s: its last words are: %s", said.Text, words)
	}
	return pool.Errorf(pool.ErrUnreachable, next, "%s", said.Text)
}

// credentials checks those for an LXD on the network, since a daemon does not
// start with others, and returns what tells them from others.
func (c *container) credentials(lxd api.ConfiguredLXD) (string, error) {
	if !lxd.Remote() {
		return "", nil
	}
	cert, err := c.mustRead("lxd.client-cert", lxd.ClientCert)
	if err != nil {
		return "", err
	}
	key, err := c.mustRead("lxd.client-key", lxd.ClientKey)
	if err != nil {
		return "", err
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return "", pool.Invalidf("give a certificate and the key that belongs to it, both in PEM", "cannot use the client certificate for LXD: %w", err)
	}
	if lxd.ServerCert == "" {
		return digest(cert, key), nil
	}
	server, err := c.mustRead("lxd.server-cert", lxd.ServerCert)
	if err != nil {
		return "", err
	}
	if err := isCertificate(server); err != nil {
		return "", pool.Invalidf("give what LXD has in its server.crt, or in its cluster.crt if it is clustered", "cannot use the certificate of LXD: %w", err)
	}
	return digest(cert, key, server), nil
}

func (c *container) mustRead(key, path string) ([]byte, error) {
	text, err := c.read(path)
	if err == nil && text == nil {
		return nil, pool.Invalidf("", "cannot use %s=%q: there is no such file in the container", key, path)
	}
	return text, err
}

func isCertificate(text []byte) error {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("it is no certificate in PEM")
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err
}

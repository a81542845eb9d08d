package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strings"

	pebble "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/pool"
)

// container is a connection to the Pebble of the container, for as long as ctx
// lasts: Pebble's client has no contexts of its own, so that its connections end
// with that. To be closed.
type container struct {
	*pebble.Client
	ctx context.Context
}

// waiting is what a unit says while its Pebble does not answer.
const waiting = "waiting for the container " + Container

// connect returns a connection to a Pebble that answers, or a [charm.Pending].
func (w *Workload) connect(ctx context.Context) (*container, error) {
	socket := w.shared(pebbleSocket)
	client, err := pebble.New(&pebble.Config{Socket: socket})
	if err != nil {
		return nil, pool.Errorf(pool.ErrInternal, "", "cannot make a client of Pebble: %w", err)
	}
	dial := func(string, string) (net.Conn, error) { return dialFor(ctx, socket) }
	//lint:ignore SA1019 Pebble's client makes its websockets by this field.
	client.Requester().Transport().Dial = dial
	// Once by ourselves: the client asks for five seconds where nobody listens.
	probe, err := dial("", "")
	if err != nil {
		return nil, errors.Join(ctx.Err(), &charm.Pending{Why: waiting})
	}
	return &container{client, ctx}, probe.Close()
}

// dialFor connects to a socket and ends the connection with ctx.
func dialFor(ctx context.Context, socket string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	return &boundConn{conn, context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

// boundConn is a connection that ends with a context, unless it was closed before.
type boundConn struct {
	net.Conn
	unbind func() bool
}

func (c *boundConn) Close() error {
	c.unbind()
	return c.Conn.Close()
}

func (c *container) close() { c.CloseIdleConnections() }

// failed is the error for what cannot be done, given as for [fmt.Sprintf]. A
// Pebble that went away meanwhile is one to wait for.
func (c *container) failed(err error, doing string, args ...any) error {
	if err == nil {
		return nil
	}
	if c.ctx.Err() != nil {
		return fmt.Errorf("cannot %s: %w", fmt.Sprintf(doing, args...), context.Cause(c.ctx))
	}
	_, away := errors.AsType[pebble.ConnectionError](err)
	if _, lost := errors.AsType[net.Error](err); away || lost {
		return &charm.Pending{Why: waiting}
	}
	return pool.Errorf(pool.ErrInternal, "", "cannot %s: %w", fmt.Sprintf(doing, args...), err)
}

// isNotFound reports whether Pebble found no file of that name.
func isNotFound(err error) bool {
	said, ok := errors.AsType[*pebble.Error](err)
	return ok && said.Kind == pebble.ErrorKindNotFound
}

// read returns what a file has, nil when there is none.
func (c *container) read(name string) ([]byte, error) {
	var text bytes.Buffer
	err := c.Pull(&pebble.PullOptions{Path: name, Target: &text})
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.failed(err, "read %s in the container", name)
	}
	return append([]byte{}, text.Bytes()...), nil
}

// write replaces a file in one step, unless it is the same already.
func (c *container) write(name string, content []byte) error {
	was, err := c.read(name)
	if err != nil || was != nil && bytes.Equal(was, content) {
		return err
	}
	if err := c.MakeDir(&pebble.MakeDirOptions{Path: path.Dir(name), MakeParents: true, Permissions: 0o700}); err != nil {
		return c.failed(err, "make %s in the container", path.Dir(name))
	}
	err = c.Push(&pebble.PushOptions{Path: name, Source: bytes.NewReader(content), Permissions: 0o600})
	return c.failed(err, "write %s in the container", name)
}

// remove removes a file, or a directory with all that is in it; there may be none.
func (c *container) remove(name string) error {
	err := c.RemovePath(&pebble.RemovePathOptions{Path: name, Recursive: true})
	if isNotFound(err) {
		return nil
	}
	return c.failed(err, "remove %s in the container", name)
}

// addLayer makes layer the one of its label.
func (c *container) addLayer(layer []byte) error {
	err := c.AddLayer(&pebble.AddLayerOptions{Combine: true, Label: layerName, LayerData: layer})
	return c.failed(err, "tell Pebble what to run")
}

// status returns how the service is, "" when Pebble does not know it.
func (c *container) status() (pebble.ServiceStatus, error) {
	all, err := c.Services(&pebble.ServicesOptions{Names: []string{service}})
	if err != nil || len(all) == 0 {
		return "", c.failed(err, "ask Pebble for its services")
	}
	return all[0].Current, nil
}

// do has Pebble do something that takes a while, and waits for it.
func (c *container) do(what func(*pebble.ServiceOptions) (string, error), names ...string) error {
	id, err := what(&pebble.ServiceOptions{Names: names})
	if err != nil {
		return err
	}
	change, err := c.WaitChange(id, nil)
	if err == nil && change.Err != "" {
		err = errors.New(strings.ReplaceAll(change.Err, "\n", " "))
	}
	return err
}

// lastLines is how much of its log a service that has ended is quoted with.
const lastLines = 3

// lastWords are those that the service has logged, on one line, and whether they
// say why it ended.
func (c *container) lastWords() (words string, why bool) {
	var lines []string
	err := c.Logs(&pebble.LogsOptions{Services: []string{service}, N: lastLines, WriteLog: func(e pebble.LogEntry) error {
		lines = append(lines, strings.TrimSpace(e.Message))
		return nil
	}})
	if err != nil || len(lines) == 0 {
		return "", false
	}
	if said, ok := strings.CutPrefix(lines[len(lines)-1], "Error: "); ok {
		return said, true
	}
	return strings.Join(lines, "; "), false
}

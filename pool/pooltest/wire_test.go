package pooltest_test

import (
	"bytes"
	"context"
	"iter"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
	"github.com/lxd-pool/lxd-pool/pool/pooltest"
	"github.com/lxd-pool/lxd-pool/pool/server"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func TestAClientKeepsTheContract(t *testing.T) {
	pooltest.Run(t, func(t *testing.T) pooltest.World {
		d := newDaemon(t)
		t.Cleanup(d.close)
		return pooltest.World{Image: image, As: d.as, Restart: func() { d.close(); d.open() }}
	})
}

// daemon is a server of an engine, on pipes.
type daemon struct {
	*engine
	pipes  atomic.Pointer[pooltest.Pipes] // of the server that runs now
	server *server.Server
	served chan error
}

func newDaemon(t *testing.T) *daemon {
	d := &daemon{engine: newEngine(t, simbackend.Options{})}
	d.serve()
	return d
}

func (d *daemon) open() {
	d.engine.open()
	d.serve()
}

func (d *daemon) serve() {
	d.pipes.Store(pooltest.NewPipes())
	d.served = make(chan error, 1)
	d.server = server.New(d.m, server.Options{Identify: identify})
	go func() { d.served <- d.server.Serve(d.pipes.Load()) }()
}

func (d *daemon) close() {
	if err := d.server.Shutdown(context.Background()); err != nil {
		d.t.Error(err)
	}
	if err := <-d.served; err != nil {
		d.t.Error(err)
	}
	d.engine.close()
}

// identify believes the pipe: root operates the daemon, others acquire.
func identify(conn net.Conn) (server.Caller, error) {
	who := conn.(pooltest.PipeEnd).Who
	if who == "root" {
		return server.Caller{Identity: who, Role: server.Operator}, nil
	}
	return server.Caller{Identity: who, Role: server.Consumer}, nil
}

func (d *daemon) as(who pool.Identity) pooltest.Service {
	c := &client.Client{Dial: func(ctx context.Context) (net.Conn, error) { return d.pipes.Load().Dialer(who)(ctx) }}
	d.t.Cleanup(c.Close)
	return remote{c, d.t}
}

// remote is a client in the engine's words.
type remote struct {
	*client.Client
	t *testing.T
}

func status(p *api.Pool, err error) (*pool.PoolStatus, error) {
	if err != nil {
		return nil, err
	}
	return &p.PoolStatus, nil
}

func grant(l *api.Lease, err error) (pool.Grant, error) {
	if err != nil {
		return pool.Grant{}, err
	}
	return pool.Grant{
		Lease: &pool.Lease{
			ID: l.ID, Pool: l.Pool, Instance: l.Instance, Holder: l.Holder, Purpose: l.Purpose,
			Created: l.Created, Expires: l.Expires, Fence: l.Fence, Ended: l.Ended,
		},
		Instance: &pool.Instance{Name: l.Instance, Place: pool.Place{Project: l.Project, Location: l.Location, Addresses: l.Addresses}},
		Token:    l.Token,
	}, nil
}

func grants(list []*api.Lease, err error) ([]pool.Grant, error) {
	var all []pool.Grant
	for _, l := range list {
		g, _ := grant(l, nil)
		all = append(all, g)
	}
	return all, err
}

func (r remote) CreatePool(ctx context.Context, name pool.PoolName, spec pool.Spec) (*pool.PoolStatus, error) {
	return status(r.Client.CreatePool(ctx, name, spec))
}

func (r remote) SetPool(ctx context.Context, name pool.PoolName, set map[string]string) (*pool.PoolStatus, error) {
	return status(r.Client.SetPool(ctx, name, set))
}

func (r remote) Pools(ctx context.Context) ([]*pool.PoolStatus, error) {
	list, err := r.Client.Pools(ctx)
	var all []*pool.PoolStatus
	for _, p := range list {
		all = append(all, &p.PoolStatus)
	}
	return all, err
}

func (r remote) Pool(ctx context.Context, name pool.PoolName) (*pool.PoolStatus, error) {
	return status(r.Client.Pool(ctx, name))
}

func (r remote) Fork(ctx context.Context, f pool.ForkRequest) ([]pool.Grant, error) {
	return grants(r.Client.Fork(ctx, f))
}

func (r remote) Instances(ctx context.Context, name pool.PoolName) ([]pool.InstanceName, error) {
	list, err := r.Client.Instances(ctx, name)
	var names []pool.InstanceName
	for _, in := range list {
		names = append(names, in.Name)
	}
	return names, err
}

func (r remote) Acquire(ctx context.Context, q pool.AcquireRequest) ([]pool.Grant, error) {
	return grants(r.Client.Acquire(ctx, q))
}

func (r remote) Renew(ctx context.Context, id pool.LeaseID, ttl pool.Duration) (pool.Grant, error) {
	return grant(r.Client.Renew(ctx, id, ttl))
}

func (r remote) Release(ctx context.Context, id pool.LeaseID) (pool.Grant, error) {
	return grant(r.Client.Release(ctx, id))
}

func (r remote) Revoke(ctx context.Context, id pool.LeaseID, reason string) (pool.Grant, error) {
	return grant(r.Client.Revoke(ctx, id, reason))
}

func (r remote) Hold(ctx context.Context, id pool.LeaseID, long pool.Duration, reason string) (pool.Grant, error) {
	return grant(r.Client.Hold(ctx, id, long, reason))
}

func (r remote) EndHold(ctx context.Context, id pool.LeaseID) (pool.Grant, error) {
	return grant(r.Client.EndHold(ctx, id))
}

func (r remote) Lease(ctx context.Context, id pool.LeaseID) (pool.Grant, error) {
	return grant(r.Client.Lease(ctx, id))
}

func (r remote) Leases(ctx context.Context, name pool.PoolName) ([]pool.Grant, error) {
	return grants(r.Client.Leases(ctx, name, false))
}

func (r remote) Watch(ctx context.Context) iter.Seq[pool.Event] {
	return func(yield func(pool.Event) bool) {
		for e, err := range r.Client.Watch(ctx, "") {
			if err != nil {
				r.t.Error(err)
				return
			}
			if !yield(e) {
				return
			}
		}
	}
}

// TestTheVerbsWorkOverARealSocket runs in real time: sockets have no other.
func TestTheVerbsWorkOverARealSocket(t *testing.T) {
	e := newEngine(t, simbackend.Options{Latency: simbackend.Instant})
	t.Cleanup(e.close)
	c := &client.Client{Socket: listen(t, e.m)}
	t.Cleanup(c.Close)
	if _, err := c.CreatePool(t.Context(), "ci", pool.Spec{Image: image, Size: 1}); err != nil {
		t.Fatal(err)
	}
	leases, err := c.Acquire(t.Context(), pool.AcquireRequest{Pool: "ci", Wait: pool.WaitForever})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	status, err := c.Exec(t.Context(), leases[0].ID, pool.Command{Args: []string{"cat"}, Stdin: strings.NewReader("hello"), Stdout: &out})
	if status != 0 || err != nil || out.String() != "hello" {
		t.Fatalf("the command ended with %d, %v and said %q", status, err, &out)
	}
	if l, err := c.Release(t.Context(), leases[0].ID); err != nil || l.Ended == nil {
		t.Fatalf("released, the lease is %+v, %v", l, err)
	}
	if err := c.DeletePool(t.Context(), "ci", false); err != nil {
		t.Fatal(err)
	}
}

// listen serves a manager on a real socket, with the group of this process as
// that of the operators, and returns where.
func listen(t *testing.T, m *pool.Manager) string {
	group, err := user.LookupGroupId(strconv.Itoa(os.Getegid()))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "unix.socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s, served := server.New(m, server.Options{AdminGroup: group.Name}), make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return socket
}

package pooltest_test

import (
	"context"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/pooltest"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

const image = "ubuntu:24.04"

func TestTheEngineKeepsTheContract(t *testing.T) {
	pooltest.Run(t, func(t *testing.T) pooltest.World {
		e := newEngine(t, simbackend.Options{})
		t.Cleanup(e.close)
		return pooltest.World{
			Image:   image,
			As:      func(who pool.Identity) pooltest.Service { return direct{e, who} },
			Restart: func() { e.close(); e.open() },
		}
	})
}

// engine is a manager on a simulated LXD, which outlives it.
type engine struct {
	t     *testing.T
	lxd   *simbackend.Backend
	store *memstore.Store
	m     *pool.Manager
}

func newEngine(t *testing.T, o simbackend.Options) *engine {
	e := &engine{t: t, lxd: simbackend.New(o), store: memstore.New("m1")}
	e.open()
	return e
}

func (e *engine) open() {
	m, err := pool.NewManager(context.Background(), pool.Options{Backend: e.lxd, Store: e.store})
	if err != nil {
		e.t.Fatal(err)
	}
	e.m = m
}

func (e *engine) close() {
	if err := e.m.Close(); err != nil {
		e.t.Error(err)
	}
}

// direct is the engine as somebody has it. It passes on what it is given.
type direct struct {
	e   *engine
	who pool.Identity
}

func (d direct) CreatePool(ctx context.Context, name pool.PoolName, spec pool.Spec) (*pool.PoolStatus, error) {
	return d.e.m.CreatePool(ctx, name, spec)
}

func (d direct) SetPool(ctx context.Context, name pool.PoolName, set map[string]string) (*pool.PoolStatus, error) {
	return d.e.m.EditPool(ctx, name, func(spec *pool.Spec) error {
		for key, text := range set {
			if err := spec.Set(key, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d direct) Pools(ctx context.Context) ([]*pool.PoolStatus, error) { return d.e.m.Pools(ctx) }

func (d direct) Pool(ctx context.Context, name pool.PoolName) (*pool.PoolStatus, error) {
	return d.e.m.Pool(ctx, name)
}

func (d direct) DisablePool(ctx context.Context, name pool.PoolName) error {
	return d.e.m.DisablePool(ctx, name)
}

func (d direct) EnablePool(ctx context.Context, name pool.PoolName) error {
	return d.e.m.EnablePool(ctx, name)
}

func (d direct) ResetPool(ctx context.Context, name pool.PoolName) error {
	return d.e.m.ResetPool(ctx, name)
}

func (d direct) RefillPool(ctx context.Context, name pool.PoolName) error {
	return d.e.m.RefillPool(ctx, name)
}

func (d direct) DeletePool(ctx context.Context, name pool.PoolName, force bool) error {
	return d.e.m.DeletePool(ctx, name, force, d.who)
}

func (d direct) Instances(ctx context.Context, name pool.PoolName) ([]pool.InstanceName, error) {
	all, err := d.e.m.Instances(ctx, name)
	var names []pool.InstanceName
	for _, in := range all {
		names = append(names, in.Name)
	}
	return names, err
}

func (d direct) Acquire(ctx context.Context, r pool.AcquireRequest) ([]pool.Grant, error) {
	r.Holder = d.who
	return d.e.m.Acquire(ctx, r)
}

func (d direct) Renew(ctx context.Context, id pool.LeaseID, ttl pool.Duration) (pool.Grant, error) {
	return d.e.m.Renew(ctx, id, ttl)
}

func (d direct) Release(ctx context.Context, id pool.LeaseID) (pool.Grant, error) {
	return d.e.m.Release(ctx, id, d.who)
}

func (d direct) Revoke(ctx context.Context, id pool.LeaseID, reason string) (pool.Grant, error) {
	return d.e.m.Revoke(ctx, id, d.who, reason)
}

func (d direct) Hold(ctx context.Context, id pool.LeaseID, long pool.Duration, reason string) (pool.Grant, error) {
	return d.e.m.Hold(ctx, id, pool.Hold{Until: time.Now().Add(time.Duration(long)), Reason: reason, By: d.who})
}

func (d direct) EndHold(ctx context.Context, id pool.LeaseID) (pool.Grant, error) {
	return d.e.m.EndHold(ctx, id)
}

func (d direct) Lease(ctx context.Context, id pool.LeaseID) (pool.Grant, error) {
	return d.e.m.Lease(ctx, id)
}

func (d direct) Leases(ctx context.Context, name pool.PoolName) ([]pool.Grant, error) {
	return d.e.m.Leases(ctx, name)
}

func (d direct) Remotes(ctx context.Context) ([]pool.Remote, error) { return d.e.m.Remotes(ctx) }

func (d direct) Remote(ctx context.Context, name pool.RemoteName) (*pool.Remote, error) {
	return d.e.m.Remote(ctx, name)
}

func (d direct) AddRemote(ctx context.Context, r pool.NewRemote) (*pool.Remote, error) {
	return d.e.m.AddRemote(ctx, r)
}

func (d direct) RemoveRemote(ctx context.Context, name pool.RemoteName) error {
	return d.e.m.RemoveRemote(ctx, name)
}

func (d direct) RenameRemote(ctx context.Context, name, to pool.RemoteName) (*pool.Remote, error) {
	return d.e.m.RenameRemote(ctx, name, to)
}

func (d direct) SetRemoteURL(ctx context.Context, name pool.RemoteName, url string) (*pool.Remote, error) {
	return d.e.m.SetRemoteURL(ctx, name, url)
}

func (d direct) Fork(ctx context.Context, r pool.ForkRequest) ([]pool.Grant, error) {
	return d.e.m.Fork(ctx, r)
}

func (d direct) Images(ctx context.Context, remote pool.RemoteName, project string, filters ...string) ([]pool.Image, error) {
	return d.e.m.Images(ctx, remote, project, filters...)
}

func (d direct) Image(ctx context.Context, ref pool.ImageRef) (*pool.Image, error) {
	return d.e.m.Image(ctx, ref)
}

func (d direct) EditImage(ctx context.Context, ref pool.ImageRef, e pool.ImageEdit) (*pool.Image, error) {
	return d.e.m.EditImage(ctx, ref, e)
}

func (d direct) RefreshImage(ctx context.Context, ref pool.ImageRef) (bool, error) {
	return d.e.m.RefreshImage(ctx, ref)
}

func (d direct) DeleteImage(ctx context.Context, ref pool.ImageRef, force bool) error {
	return d.e.m.DeleteImage(ctx, ref, force)
}

func (d direct) CopyImage(ctx context.Context, c pool.CopyImage) (*pool.Image, error) {
	return d.e.m.CopyImage(ctx, c)
}

func (d direct) ImportImage(ctx context.Context, i pool.ImportImage) (*pool.Image, error) {
	return d.e.m.ImportImage(ctx, i)
}

func (d direct) ExportImage(ctx context.Context, ref pool.ImageRef, to func(pool.ImageFile) (io.Writer, error)) (*pool.Image, error) {
	return d.e.m.ExportImage(ctx, ref, to)
}

func (d direct) ImageAliases(ctx context.Context, project string) ([]pool.ImageAlias, error) {
	return d.e.m.ImageAliases(ctx, project)
}

func (d direct) CreateImageAlias(ctx context.Context, project string, a pool.ImageAlias) (*pool.ImageAlias, error) {
	return d.e.m.CreateImageAlias(ctx, project, a)
}

func (d direct) DeleteImageAlias(ctx context.Context, project, name string, force bool) error {
	return d.e.m.DeleteImageAlias(ctx, project, name, force)
}

func (d direct) Publish(ctx context.Context, id pool.LeaseID, p pool.PublishImage) (*pool.Image, error) {
	p.Operator = d.who == "root"
	return d.e.m.Publish(ctx, id, p)
}

func (d direct) PublishInstance(ctx context.Context, project string, name pool.InstanceName, p pool.PublishImage) (*pool.Image, error) {
	return d.e.m.PublishInstance(ctx, project, name, p)
}

func (d direct) Exec(ctx context.Context, id pool.LeaseID, c pool.Command) (int, error) {
	return d.e.m.Exec(ctx, id, c)
}

func (d direct) Detach(ctx context.Context, id pool.LeaseID, c pool.Command) (*pool.Detached, error) {
	return d.e.m.Detach(ctx, id, c)
}

func (d direct) Commands(ctx context.Context, id pool.LeaseID) ([]*pool.Detached, error) {
	return d.e.m.Commands(ctx, id)
}

func (d direct) Command(ctx context.Context, id pool.LeaseID, command pool.CommandID) (*pool.Detached, error) {
	return d.e.m.Command(ctx, id, command)
}

func (d direct) WaitCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID) (*pool.Detached, error) {
	return d.e.m.WaitCommand(ctx, id, command)
}

func (d direct) SignalCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID, signal int) error {
	return d.e.m.SignalCommand(ctx, id, command, signal)
}

func (d direct) DeleteCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID) error {
	return d.e.m.DeleteCommand(ctx, id, command)
}

func (d direct) Output(ctx context.Context, q pool.OutputRequest) iter.Seq2[pool.OutputChunk, error] {
	return d.e.m.Output(ctx, q)
}

func (d direct) ListFiles(ctx context.Context, id pool.LeaseID, at string) ([]pool.File, error) {
	return d.e.m.ListFiles(ctx, id, at)
}

func (d direct) DeleteFile(ctx context.Context, id pool.LeaseID, at string, recursive bool) error {
	return d.e.m.DeleteFile(ctx, id, at, recursive)
}

func (d direct) PullFile(ctx context.Context, id pool.LeaseID, at string, to func(pool.File) (io.Writer, error)) error {
	return d.e.m.PullFile(ctx, id, at, to)
}

func (d direct) PushFile(ctx context.Context, id pool.LeaseID, at string, from io.Reader, o pool.PushOptions) error {
	return d.e.m.PushFile(ctx, id, at, from, o)
}

func (d direct) PullTree(ctx context.Context, id pool.LeaseID, at string, to io.Writer) (pool.Transfer, error) {
	return d.e.m.PullTree(ctx, id, at, to)
}

func (d direct) PushTree(ctx context.Context, id pool.LeaseID, at string, from io.Reader, o pool.PushOptions) (pool.Transfer, error) {
	return d.e.m.PushTree(ctx, id, at, from, o)
}

func (d direct) Why(ctx context.Context, subject string) ([]pool.Explanation, error) {
	return d.e.m.Why(ctx, subject)
}

func (d direct) Watch(ctx context.Context) iter.Seq[pool.Event] { return d.e.m.Watch(ctx) }

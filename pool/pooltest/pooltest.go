// Package pooltest is the contract of the verbs, as one suite. It is run on
// the engine itself and on a client that reaches it through a server, so that
// both ends of the wire keep the same promises.
package pooltest

import (
	"context"
	"io"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Service is the verbs as one holder has them. What only travels one way (such
// as the sums of tokens) is not looked at.
type Service interface {
	CreatePool(ctx context.Context, name pool.PoolName, spec pool.Spec) (*pool.PoolStatus, error)
	SetPool(ctx context.Context, name pool.PoolName, set map[string]string) (*pool.PoolStatus, error)
	Pools(ctx context.Context) ([]*pool.PoolStatus, error)
	Pool(ctx context.Context, name pool.PoolName) (*pool.PoolStatus, error)
	DisablePool(ctx context.Context, name pool.PoolName) error
	EnablePool(ctx context.Context, name pool.PoolName) error
	ResetPool(ctx context.Context, name pool.PoolName) error
	RefillPool(ctx context.Context, name pool.PoolName) error
	DeletePool(ctx context.Context, name pool.PoolName, force bool) error
	Instances(ctx context.Context, name pool.PoolName) ([]pool.InstanceName, error)

	Acquire(ctx context.Context, r pool.AcquireRequest) ([]pool.Grant, error)
	Renew(ctx context.Context, id pool.LeaseID, ttl pool.Duration) (pool.Grant, error)
	Release(ctx context.Context, id pool.LeaseID) (pool.Grant, error)
	Revoke(ctx context.Context, id pool.LeaseID, reason string) (pool.Grant, error)
	Hold(ctx context.Context, id pool.LeaseID, long pool.Duration, reason string) (pool.Grant, error)
	EndHold(ctx context.Context, id pool.LeaseID) (pool.Grant, error)
	Lease(ctx context.Context, id pool.LeaseID) (pool.Grant, error)
	Leases(ctx context.Context, name pool.PoolName) ([]pool.Grant, error)

	Remotes(ctx context.Context) ([]pool.Remote, error)
	Remote(ctx context.Context, name pool.RemoteName) (*pool.Remote, error)
	AddRemote(ctx context.Context, r pool.NewRemote) (*pool.Remote, error)
	RemoveRemote(ctx context.Context, name pool.RemoteName) error
	RenameRemote(ctx context.Context, name, to pool.RemoteName) (*pool.Remote, error)
	SetRemoteURL(ctx context.Context, name pool.RemoteName, url string) (*pool.Remote, error)

	Fork(ctx context.Context, r pool.ForkRequest) ([]pool.Grant, error)
	Images(ctx context.Context, remote pool.RemoteName, project string, filters ...string) ([]pool.Image, error)
	Image(ctx context.Context, ref pool.ImageRef) (*pool.Image, error)
	EditImage(ctx context.Context, ref pool.ImageRef, e pool.ImageEdit) (*pool.Image, error)
	RefreshImage(ctx context.Context, ref pool.ImageRef) (bool, error)
	DeleteImage(ctx context.Context, ref pool.ImageRef, force bool) error
	CopyImage(ctx context.Context, c pool.CopyImage) (*pool.Image, error)
	ImportImage(ctx context.Context, i pool.ImportImage) (*pool.Image, error)
	ExportImage(ctx context.Context, ref pool.ImageRef, to func(pool.ImageFile) (io.Writer, error)) (*pool.Image, error)
	ImageAliases(ctx context.Context, project string) ([]pool.ImageAlias, error)
	CreateImageAlias(ctx context.Context, project string, a pool.ImageAlias) (*pool.ImageAlias, error)
	DeleteImageAlias(ctx context.Context, project, name string, force bool) error
	Publish(ctx context.Context, id pool.LeaseID, p pool.PublishImage) (*pool.Image, error)
	PublishInstance(ctx context.Context, project string, name pool.InstanceName, p pool.PublishImage) (*pool.Image, error)

	Exec(ctx context.Context, id pool.LeaseID, c pool.Command) (int, error)
	ListFiles(ctx context.Context, id pool.LeaseID, at string) ([]pool.File, error)
	DeleteFile(ctx context.Context, id pool.LeaseID, at string, recursive bool) error
	PullFile(ctx context.Context, id pool.LeaseID, at string, to func(pool.File) (io.Writer, error)) error
	PushFile(ctx context.Context, id pool.LeaseID, at string, from io.Reader, o pool.PushOptions) error
	PullTree(ctx context.Context, id pool.LeaseID, at string, to io.Writer) (pool.Transfer, error)
	PushTree(ctx context.Context, id pool.LeaseID, at string, from io.Reader, o pool.PushOptions) (pool.Transfer, error)
	ProfileService
	HolderService
	MoveService
	Detach(ctx context.Context, id pool.LeaseID, c pool.Command) (*pool.Detached, error)
	Commands(ctx context.Context, id pool.LeaseID) ([]*pool.Detached, error)
	Command(ctx context.Context, id pool.LeaseID, command pool.CommandID) (*pool.Detached, error)
	WaitCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID) (*pool.Detached, error)
	SignalCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID, signal int) error
	DeleteCommand(ctx context.Context, id pool.LeaseID, command pool.CommandID) error
	Output(ctx context.Context, q pool.OutputRequest) iter.Seq2[pool.OutputChunk, error]
	Why(ctx context.Context, subject string) ([]pool.Explanation, error)
	Watch(ctx context.Context) iter.Seq[pool.Event]
}

// World is one manager, and the ways to it.
type World struct {
	// As returns the verbs as somebody has them: "root" operates the daemon,
	// anybody else acquires.
	As func(who pool.Identity) Service
	// Image is one that instances can be made from.
	Image string
	// Restart ends the manager and begins another on the same journals.
	Restart func()
}

// Run runs the suite. open makes a new world, in a bubble of testing/synctest,
// and leaves its end to t.Cleanup. In it, commands are those of a shell: true,
// false, echo, cat, env, sleep, and "sh -c".
func Run(t *testing.T, open func(t *testing.T) World) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := open(t)
				c.run(&bench{T: t, World: w, root: w.As("root"), alice: w.As("user:alice"), bob: w.As("user:bob")})
			})
		})
	}
}

type testCase struct {
	name string
	run  func(*bench)
}

var cases = slices.Concat(poolCases, acquireCases, leaseCases, fileCases, commandCases, remoteCases, imageCases, profileCases, holderCases, moveCases)

// bench is what a case works with.
type bench struct {
	*testing.T
	World
	root, alice, bob Service
}

// create makes the pool "ci" and waits until it has filled.
func (b *bench) create(spec pool.Spec) {
	b.Helper()
	spec.Image = b.Image
	if _, err := b.root.CreatePool(b.Context(), "ci", spec); err != nil {
		b.Fatal(err)
	}
	b.settle()
}

// settle lets enough time pass for all work that is due, but for no lease.
func (b *bench) settle() {
	time.Sleep(20 * time.Second)
	synctest.Wait()
}

func (b *bench) counts() pool.Counts {
	b.Helper()
	status, err := b.root.Pool(b.Context(), "ci")
	if err != nil {
		b.Fatal(err)
	}
	return status.Counts
}

// acquire gets leases of "ci" that are there to be had.
func (b *bench) acquire(s Service, r pool.AcquireRequest) []pool.Grant {
	b.Helper()
	r.Pool = "ci"
	grants, err := s.Acquire(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return grants
}

// outcome is what becomes of an acquire that is made beside.
type outcome struct {
	grants []pool.Grant
	err    error
	done   bool
}

// begin makes an acquire of "ci" beside, and returns when it waits or is over.
func (b *bench) begin(ctx context.Context, s Service, r pool.AcquireRequest) *outcome {
	r.Pool = "ci"
	o := &outcome{}
	go func() {
		o.grants, o.err = s.Acquire(ctx, r)
		o.done = true
	}()
	synctest.Wait()
	return o
}

// must fails the case on an error.
func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

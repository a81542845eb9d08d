package lxdbackend

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/lxd-pool/lxd-pool/pool"
)

// partLimit bounds the wait for both LXDs to notice that a migration is given up.
const partLimit = 20 * time.Second

// migrate copies the stopped instance with its snapshots to another LXD. The two
// need not reach each other: what they say goes through here, which is also how
// it is counted and how it is ended. LXD deletes what it could not complete.
func migrate(ctx context.Context, o pool.Order, from, to *Backend, member string) error {
	pool.Report(ctx, pool.Progress{Stage: "copying"})
	in, err := from.look(ctx, o)
	if err != nil {
		return err
	}
	post, err := to.arrival(ctx, o, in)
	if err != nil {
		return err
	}
	sending, err := from.begin(ctx, http.MethodPost, at(o, ""), api.InstancePost{Name: string(o.Instance), Migration: true})
	if err != nil {
		return err
	}
	receiving, err := to.begin(ctx, http.MethodPost, instancesOn(o, member), post)
	if err != nil {
		from.giveUp(ctx, sending)
		return err
	}
	relayed := relay(ctx, from, to, sending, receiving)
	patience := ctx
	if relayed != nil || ctx.Err() != nil {
		var cancel context.CancelFunc
		patience, cancel = context.WithTimeout(context.WithoutCancel(ctx), partLimit)
		defer cancel()
	}
	_, received := to.wait(patience, receiving)
	_, sent := from.wait(patience, sending)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case received != nil:
		return received
	case sent != nil:
		return sent
	}
	return relayed
}

// arrival is the request for an instance that comes from elsewhere. What LXD
// generates is left to the new one, so that the two can never be taken for each
// other in a network.
func (b *Backend) arrival(ctx context.Context, o pool.Order, in *api.Instance) (*api.InstancesPost, error) {
	known, err := b.know(ctx)
	if err != nil {
		return nil, err
	}
	post := &api.InstancesPost{Name: string(o.Instance), Type: api.InstanceType(in.Type)}
	post.Architecture, post.Profiles, post.Devices, post.Description = in.Architecture, in.Profiles, in.Devices, in.Description
	post.Config = maps.Clone(in.Config)
	maps.DeleteFunc(post.Config, func(key, _ string) bool {
		return strings.HasPrefix(key, "volatile.") || key == "cluster.evacuate" && !known.has("clustering_evacuation")
	})
	post.Source = api.InstanceSource{Type: api.SourceTypeMigration, Mode: "push", BaseImage: in.Config["volatile.base_image"]}
	return post, nil
}

// giveUp ends an operation that waits for the other side.
func (b *Backend) giveUp(ctx context.Context, op *api.Operation) {
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), partLimit)
	defer cancel()
	_, _ = b.query(tidy, http.MethodDelete, "/1.0/operations/"+op.ID, nil)
}

// relay passes on what the two ends of a migration say until both have said all.
func relay(ctx context.Context, from, to *Backend, sending, receiving *api.Operation) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range []string{api.SecretNameControl, api.SecretNameFilesystem} {
		there, err := from.stream(ctx, sending, name)
		if err != nil {
			return err
		}
		defer there.CloseNow()
		here, err := to.stream(ctx, receiving, name)
		if err != nil {
			return err
		}
		defer here.CloseNow()
		count := func(int) {}
		if name == api.SecretNameFilesystem {
			count = teller(ctx)
		}
		group.Go(func() error { return pass(ctx, there, here, count) })
		group.Go(func() error { return pass(ctx, here, there, func(int) {}) })
	}
	return group.Wait()
}

func (b *Backend) stream(ctx context.Context, op *api.Operation, name string) (*websocket.Conn, error) {
	secret, _ := op.Metadata[name].(string)
	if secret == "" {
		return nil, errors.New("LXD opened no stream " + name + " for the migration")
	}
	return b.lxd.Dial(ctx, "/1.0/operations/"+op.ID+"/websocket?secret="+url.QueryEscape(secret))
}

// teller tells how many bytes went by, every now and then.
func teller(ctx context.Context) func(int) {
	const step = 1 << 20
	var done, told int64
	return func(n int) {
		if done += int64(n); done-told >= step {
			told = done
			pool.Report(ctx, pool.Progress{Stage: "copying", Done: done})
		}
	}
}

// pass hands messages on until there are no more, then says so to the other side.
func pass(ctx context.Context, from, to *websocket.Conn, count func(int)) error {
	buffer := make([]byte, 4*chunk)
	for {
		kind, message, err := from.Reader(ctx)
		if err != nil {
			to.CloseNow()
			return ctx.Err() // if it is nil, the operations know whether it was the end
		}
		if err := passOne(ctx, kind, message, to, buffer, count); err != nil {
			from.CloseNow()
			return ctx.Err()
		}
	}
}

func passOne(ctx context.Context, kind websocket.MessageType, message io.Reader, to *websocket.Conn, buffer []byte, count func(int)) error {
	onward, err := to.Writer(ctx, kind)
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(onward, message, buffer)
	count(int(n))
	if err != nil {
		return err
	}
	return onward.Close()
}

package lxdbackend

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// tagMoving is on an instance while it is moved within a cluster, and says its
// name: LXD makes a copy first, under a name of its own, with the same tags.
const tagMoving = "user.lxd-pool.moving"

// others are the LXDs of remotes, as long as these are what they are. The zero
// value is ready to use.
type others struct {
	mu   sync.Mutex
	open map[known]*Backend
}

// At implements [pool.Elsewhere].
func (b *Backend) At(name pool.RemoteName) (pool.Backend, error) {
	there, err := b.at(name)
	if err != nil {
		return nil, err
	}
	return there, nil
}

// at is the backend of a remote, b itself for "".
func (b *Backend) at(name pool.RemoteName) (*Backend, error) {
	if name == "" {
		return b, nil
	}
	k, ok := b.book.find(name)
	if !ok {
		return nil, pool.NoRemote(name)
	}
	if k.Protocol != pool.LXDProtocol || k.Public {
		return nil, pool.Errorf(pool.ErrNotFound, `see "lxd-pool remote list"`, "cannot use remote %s: it is an image server, not an LXD that trusts us", name)
	}
	b.others.mu.Lock()
	defer b.others.mu.Unlock()
	if there := b.others.open[k]; there != nil {
		return there, nil
	}
	there, _, err := b.dial(k)
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "remove it, and add it again", "cannot use remote %s: %w", name, err)
	}
	if b.others.open == nil {
		b.others.open = map[known]*Backend{}
	}
	b.others.open[k] = there
	return there, nil
}

func (o *others) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, there := range o.open {
		there.lxd.Close()
	}
}

// ends returns the LXDs of a move.
func (b *Backend) ends(m pool.Moving) (from, to *Backend, err error) {
	if from, err = b.at(m.From.Remote); err == nil {
		to, err = b.at(m.To.Remote)
	}
	return from, to, err
}

func moveWhat(o pool.Order) string { return "cannot move instance " + string(o.Instance) }

// VetMove implements [pool.Mover].
func (b *Backend) VetMove(ctx context.Context, o pool.Order, m pool.Moving) (pool.Status, error) {
	from, to, err := b.ends(m)
	if err != nil {
		return "", err
	}
	o = filled(o)
	in, err := from.look(ctx, o)
	switch {
	case err != nil:
		return "", fail(blame(err), moveWhat(o), err)
	case !ours(in, o.Manager):
		return "", foreign(moveWhat(o), in)
	case len(forwarded(in)) > 0:
		return "", pool.Errorf(pool.ErrRejected, "acquire another one there", "%s: ports of its host lead to it", moveWhat(o))
	}
	status := statusOf(in)
	switch status {
	case pool.Frozen:
		return "", pool.Invalidf("resume it first", "%s: it is paused, and a move would lose what runs in it", moveWhat(o))
	case pool.Unknown:
		return "", pool.Errorf(pool.ErrUnavailable, "try again in a moment", "%s: it is %s", moveWhat(o), in.Status)
	}
	if from == to {
		err = from.vetMember(ctx, o, in, m.To.Location)
	} else {
		err = to.vetArrival(ctx, o, in, m.To)
	}
	return status, fail(pool.ErrFailed, moveWhat(o), err)
}

// vetMember looks whether an instance can be moved to another cluster member.
func (b *Backend) vetMember(ctx context.Context, o pool.Order, in *api.Instance, name string) error {
	known, err := b.know(ctx)
	switch {
	case err != nil:
		return err
	case !known.clustered:
		return pool.Errorf(pool.ErrRejected, "name a remote, such as other:", "%s to member %s: this LXD is not clustered", moveWhat(o), name)
	case in != nil && in.Location == name:
		return pool.Invalidf("choose another member", "%s: it is on member %s already", moveWhat(o), name)
	}
	return b.memberServes(ctx, o, name)
}

func (b *Backend) memberServes(ctx context.Context, o pool.Order, name string) error {
	var member api.ClusterMember
	err := b.get(ctx, "/1.0/cluster/members/"+url.PathEscape(name), &member)
	switch {
	case notFound(err):
		return pool.Errorf(pool.ErrNotFound, `see "lxc cluster list"`, "%s: there is no cluster member %q", moveWhat(o), name)
	case err != nil:
		return err
	case !strings.EqualFold(member.Status, "Online"):
		return pool.Errorf(pool.ErrRejected, "bring it back, or choose another", "%s: cluster member %s is %s", moveWhat(o), name, strings.ToLower(member.Status))
	}
	return nil
}

// vetArrival looks whether another LXD could take an instance in.
func (b *Backend) vetArrival(ctx context.Context, o pool.Order, in *api.Instance, to pool.Place) error {
	trusted, err := b.trusts(ctx)
	if err != nil {
		return err
	}
	if !trusted {
		return pool.Errorf(pool.ErrRejected, "remove it, and add it again with a token", "%s: remote %s does not trust us", moveWhat(o), to.Remote)
	}
	known, err := b.know(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(known.architectures, in.Architecture) {
		return pool.Errorf(pool.ErrRejected, "choose another", "%s: the other LXD is no %s", moveWhat(o), in.Architecture)
	}
	if to.Location != "" {
		if err := b.vetMember(ctx, o, nil, to.Location); err != nil {
			return err
		}
	}
	there := o
	spec := *o.Spec
	spec.Profiles, spec.Target = in.Profiles, ""
	there.Spec = &spec
	if err := b.vetNames(ctx, there); err != nil {
		return pool.Errorf(pool.ErrRejected, "make it there, or choose another", "%s there: %w", moveWhat(o), err)
	}
	_, err = b.look(ctx, o)
	if err == nil {
		return pool.Errorf(pool.ErrExists, "try again in a minute; what an earlier move left is deleted by itself",
			"%s: there is an instance of that name", moveWhat(o))
	}
	if notFound(err) {
		return nil
	}
	return err
}

// Move implements [pool.Mover].
func (b *Backend) Move(ctx context.Context, o pool.Order, m pool.Moving) (pool.Place, error) {
	from, to, err := b.ends(m)
	if err != nil {
		return pool.Place{}, err
	}
	o = filled(o)
	if m.Status == pool.Running {
		pool.Report(ctx, pool.Progress{Stage: "stopping"})
		if err := from.stopCleanly(ctx, o); err != nil {
			return pool.Place{}, fail(blame(err), moveWhat(o), err)
		}
	}
	if from == to {
		err = from.moveWithin(ctx, o, m.To.Location)
	} else {
		err = migrate(ctx, o, from, to, m.To.Location)
	}
	if err == nil {
		err = to.resume(ctx, o, m.Status)
	}
	if err != nil {
		return pool.Place{}, fail(blame(err), moveWhat(o), err)
	}
	place, err := to.placeNow(ctx, o)
	return place, fail(blame(err), moveWhat(o), err)
}

// moveWithin has LXD move the stopped instance to another member.
func (b *Backend) moveWithin(ctx context.Context, o pool.Order, member string) error {
	pool.Report(ctx, pool.Progress{Stage: "moving to member " + member})
	if err := b.markMoving(ctx, o, string(o.Instance)); err != nil {
		return err
	}
	where := at(o, "") + "&target=" + url.QueryEscape(member)
	if err := b.change(ctx, http.MethodPost, where, api.InstancePost{Name: string(o.Instance), Migration: true}); err != nil {
		return err
	}
	return b.markMoving(ctx, o, "")
}

func (b *Backend) markMoving(ctx context.Context, o pool.Order, name string) error {
	return b.change(ctx, http.MethodPatch, at(o, ""), map[string]any{"config": map[string]string{tagMoving: name}})
}

// resume brings the instance to what it did before it was moved.
func (b *Backend) resume(ctx context.Context, o pool.Order, status pool.Status) error {
	if status != pool.Running {
		return nil
	}
	pool.Report(ctx, pool.Progress{Stage: "starting"})
	_, err := b.startUsable(ctx, o, "") // what its holder did to it may fail the probe
	return err
}

// Settle implements [pool.Mover].
func (b *Backend) Settle(ctx context.Context, o pool.Order, m pool.Moving) (pool.Place, error) {
	from, to, err := b.ends(m)
	if err != nil && from == nil {
		return pool.Place{}, err
	}
	o = filled(o)
	if from == to {
		err = from.settleWithin(ctx, o, m.From.Location)
	} else {
		err = from.mustBeOurs(ctx, o)
	}
	if err == nil {
		err = from.resumeIfItCan(ctx, o, m.Status)
	}
	if err != nil {
		return pool.Place{}, fail(blame(err), "cannot settle the move of instance "+string(o.Instance), err)
	}
	place, err := from.placeNow(ctx, o)
	return place, fail(blame(err), moveWhat(o), err)
}

func (b *Backend) mustBeOurs(ctx context.Context, o pool.Order) error {
	in, err := b.look(ctx, o)
	if err == nil && !ours(in, o.Manager) {
		err = foreign(moveWhat(o), in)
	}
	return err
}

// resumeIfItCan leaves an instance stopped whose start fails, for its holder to
// see to. Only an LXD that is away is an error.
func (b *Backend) resumeIfItCan(ctx context.Context, o pool.Order, status pool.Status) error {
	err := b.resume(ctx, o, status)
	if errors.Is(err, pool.ErrUnavailable) || away(err) {
		return err
	}
	return nil
}

// settleWithin waits for what LXD still does, puts together what it left half
// done, and takes the instance back to its member if that can be.
func (b *Backend) settleWithin(ctx context.Context, o pool.Order, member string) error {
	if err := b.awaitMoves(ctx, o); err != nil {
		return err
	}
	copies, err := b.movingCopies(ctx, o)
	if err != nil {
		return err
	}
	in, err := b.look(ctx, o)
	if notFound(err) && len(copies) > 0 {
		// LXD deletes the one only when the other is complete.
		left := o
		left.Instance, copies = copies[0], copies[1:]
		if err := b.change(ctx, http.MethodPost, at(left, ""), api.InstancePost{Name: string(o.Instance)}); err != nil {
			return err
		}
		in, err = b.look(ctx, o)
	}
	switch {
	case err != nil:
		return err
	case !ours(in, o.Manager):
		return foreign(moveWhat(o), in)
	}
	for _, name := range copies {
		unfinished := o
		unfinished.Instance = name
		if err := b.Delete(ctx, unfinished); err != nil {
			return err
		}
	}
	if in.Location != member {
		err = b.takeBack(ctx, o, member)
	}
	return cmp.Or(err, b.markMoving(ctx, o, ""))
}

// takeBack moves the instance back to its member. When that cannot take it, it
// stays.
func (b *Backend) takeBack(ctx context.Context, o pool.Order, member string) error {
	err := b.memberServes(ctx, o, member)
	if err == nil {
		if err = b.stopCleanly(ctx, o); err == nil {
			err = b.moveWithin(ctx, o, member)
		}
	}
	if away(err) {
		return err
	}
	return nil
}

// awaitMoves waits for the operations on the instance that are under way.
func (b *Backend) awaitMoves(ctx context.Context, o pool.Order) error {
	var byStatus map[string][]api.Operation
	if err := b.get(ctx, "/1.0/operations?recursion=1&project="+url.QueryEscape(project(o)), &byStatus); err != nil {
		return err
	}
	for op := range allOf(byStatus) {
		about := slices.ContainsFunc(op.Resources["instances"], func(path string) bool {
			path, _, _ = strings.Cut(path, "?")
			return path == "/1.0/instances/"+string(o.Instance)
		})
		if !about || op.Class == api.OperationClassWebsocket {
			continue // a command of the holder is no move
		}
		if _, err := b.wait(ctx, &op); away(err) && !errors.Is(err, errLost) {
			return err
		}
	}
	return nil
}

func allOf(byStatus map[string][]api.Operation) func(yield func(api.Operation) bool) {
	return func(yield func(api.Operation) bool) {
		for _, list := range maps.All(byStatus) {
			for _, op := range list {
				if !yield(op) {
					return
				}
			}
		}
	}
}

// movingCopies names what LXD made of the instance on its way elsewhere.
func (b *Backend) movingCopies(ctx context.Context, o pool.Order) ([]pool.InstanceName, error) {
	var all []api.Instance
	if err := b.get(ctx, instances(project(o))+"&recursion=1", &all); err != nil {
		return nil, err
	}
	var names []pool.InstanceName
	for i := range all {
		if in := &all[i]; ours(in, o.Manager) && unfinishedCopyOf(in) == o.Instance {
			names = append(names, pool.InstanceName(in.Name))
		}
	}
	return names, nil
}

// unfinishedCopyOf is the instance that in is a copy of, made by LXD to move it.
func unfinishedCopyOf(in *api.Instance) pool.InstanceName {
	if of := in.Config[tagMoving]; of != in.Name {
		return pool.InstanceName(of)
	}
	return ""
}

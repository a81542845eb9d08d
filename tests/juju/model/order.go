package model

import (
	"maps"
	"slices"

	"github.com/juju/errors"
	"github.com/juju/juju/core/secrets"
	"github.com/juju/juju/internal/worker/uniter/operation"
	"github.com/juju/juju/internal/worker/uniter/remotestate"
	"github.com/juju/juju/internal/worker/uniter/resolver"
)

// Where Juju goes through a map and takes what comes first, the seed is to say
// what that is. So its resolvers are shown one thing at a time.

// oneRelation asks a resolver about one relation after the other, in an order
// of chance; about those of peers last, as Juju has it.
func (a *agent) oneRelation(inner resolver.Resolver) resolver.Resolver {
	return resolver.ResolverFunc(func(
		local resolver.LocalState, remote remotestate.Snapshot, factory operation.Factory,
	) (operation.Operation, error) {
		all := remote.Relations
		for _, id := range a.order(all) {
			remote.Relations = map[int]remotestate.RelationSnapshot{id: all[id]}
			op, err := inner.NextOp(local, remote, factory)
			if !errors.Is(err, resolver.ErrNoOperation) {
				return op, err
			}
		}
		return nil, resolver.ErrNoOperation
	})
}

func (a *agent) order(relations map[int]remotestate.RelationSnapshot) []int {
	ids := slices.Sorted(maps.Keys(relations))
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	a.m.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	slices.SortStableFunc(ids, func(x, y int) int { return a.m.peer(x) - a.m.peer(y) })
	return ids
}

// peer is 1 for a relation of peers. The caller holds mu.
func (m *Model) peer(relation int) int {
	if r := m.relations[relation]; r != nil && len(r.endpoints) == 1 {
		return 1
	}
	return 0
}

// oneSecret asks a resolver about one new revision and one obsolete one, those
// of the oldest secrets.
func (a *agent) oneSecret(inner resolver.Resolver) resolver.Resolver {
	return resolver.ResolverFunc(func(
		local resolver.LocalState, remote remotestate.Snapshot, factory operation.Factory,
	) (operation.Operation, error) {
		remote.ConsumedSecretInfo = a.firstConsumed(remote.ConsumedSecretInfo)
		remote.ObsoleteSecretRevisions = a.firstObsolete(remote.ObsoleteSecretRevisions)
		return inner.NextOp(local, remote, factory)
	})
}

func (a *agent) firstConsumed(all map[string]secrets.SecretRevisionInfo) map[string]secrets.SecretRevisionInfo {
	for _, uri := range slices.Sorted(maps.Keys(all)) {
		if all[uri].Revision != a.secrets.ConsumedSecretRevision(uri) {
			return map[string]secrets.SecretRevisionInfo{uri: all[uri]}
		}
	}
	return nil
}

// firstObsolete leaves all that the charm knows of, and the first of the rest:
// what is left out of the former would be taken for removed.
func (a *agent) firstObsolete(all map[string][]int) map[string][]int {
	shown := map[string][]int{}
	found := false
	for _, uri := range slices.Sorted(maps.Keys(all)) {
		told := a.secrets.SecretObsoleteRevisions(uri)
		for _, n := range all[uri] {
			if slices.Contains(told, n) || !found {
				shown[uri] = append(shown[uri], n)
				found = found || !slices.Contains(told, n)
			}
		}
	}
	return shown
}

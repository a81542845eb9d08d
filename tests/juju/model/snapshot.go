package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/juju/juju/core/life"
	"github.com/juju/juju/core/model"
	"github.com/juju/juju/core/secrets"
	"github.com/juju/juju/internal/worker/uniter/remotestate"
)

// An agent is the watcher of its own unit: what Juju's watchers tell piece by
// piece, it looks up when it is asked.

// RemoteStateChanged has something whenever the agent was woken.
func (a *agent) RemoteStateChanged() <-chan struct{} { return a.changes }

// Kill and Wait are there since a watcher is a worker; there is nothing to end.
func (a *agent) Kill()       {}
func (a *agent) Wait() error { return nil }

// Snapshot is what the controller has to tell a unit now.
func (a *agent) Snapshot() remotestate.Snapshot {
	// Before the lock: the tracker asks the controller while it holds its own.
	known, _ := a.secrets.Report()["consumed-revisions"].(map[string]int)
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	u := a.m.units[a.unit]
	if u == nil {
		return remotestate.Snapshot{Life: life.Dead}
	}
	return remotestate.Snapshot{
		Life:                    u.life,
		Relations:               a.m.relationSnapshots(u),
		CharmModifiedVersion:    u.app.modified,
		CharmURL:                u.app.url(),
		RetryHookVersion:        a.retries,
		ConfigHash:              u.app.configHash(),
		TrustHash:               "untrusted",
		AddressesHash:           u.address,
		Leader:                  u.app.leader == u.Name,
		LeaderSettingsVersion:   u.app.settled,
		UpdateStatusVersion:     a.statuses,
		UpgradeMachineStatus:    model.UpgradeSeriesNotStarted,
		ActionsPending:          slices.Clone(u.actions),
		ExpiredSecretRevisions:  slices.Clone(a.expired),
		ConsumedSecretInfo:      a.consumedSecrets(u, known),
		ObsoleteSecretRevisions: a.m.obsolete(u),
		DeletedSecretRevisions:  maps.Clone(a.removed),
	}
}

// relationSnapshots says who is in each relation, and how often they have
// written. Units that are about to go are out of sight.
func (m *Model) relationSnapshots(u *Unit) map[int]remotestate.RelationSnapshot {
	all := map[int]remotestate.RelationSnapshot{}
	for _, r := range m.relationsOf(u.app.Name) {
		_, other, _ := r.ends(u.app.Name)
		one := remotestate.RelationSnapshot{
			Life: r.life, Members: map[string]int64{},
			ApplicationMembers: map[string]int64{other.app: r.apps[other.app].version},
		}
		for name, departing := range r.scope {
			if !departing && name != u.Name && appOf(name) == other.app {
				one.Members[name] = r.units[name].version
			}
		}
		all[r.ID] = one
	}
	return all
}

func appOf(unit string) string {
	for i := range len(unit) {
		if unit[i] == '/' {
			return unit[:i]
		}
	}
	return unit
}

// consumedSecrets are the secrets a unit has read that have more than their
// first revision: of the others Juju tells nothing. One that was told of and
// is not there any more is removed.
func (a *agent) consumedSecrets(u *Unit, known map[string]int) map[string]secrets.SecretRevisionInfo {
	all := a.m.consumed(u)
	maps.DeleteFunc(all, func(_ string, info secrets.SecretRevisionInfo) bool { return info.Revision < 2 })
	for uri := range known {
		if _, there := all[uri]; !there {
			a.removed[uri] = []int{}
		}
	}
	return all
}

// obsolete are the revisions of a unit's secrets that nobody has any more.
func (m *Model) obsolete(u *Unit) map[string][]int {
	all := map[string][]int{}
	for _, s := range m.secrets {
		if !m.owns(u, s) {
			continue
		}
		for _, n := range s.numbers() {
			if s.revisions[n].obsolete {
				all[s.uri.String()] = append(all[s.uri.String()], n)
			}
		}
	}
	return all
}

func revisionID(uri *secrets.URI, n int) string { return fmt.Sprintf("%s/%d", uri.String(), n) }

// expireCompleted forgets an expiry that the charm was told of.
func (a *agent) expireCompleted(rev string) {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	if i := slices.Index(a.expired, rev); i >= 0 {
		a.expired = slices.Delete(a.expired, i, i+1)
	}
}

// removeCompleted forgets removals that the agent has written down.
func (a *agent) removeCompleted(map[string][]int) {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	clear(a.removed)
}

package model

import (
	"slices"

	"github.com/juju/errors"
	"github.com/juju/juju/core/secrets"
	"github.com/juju/juju/core/watcher"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"

	apiservererrors "github.com/juju/juju/apiserver/errors"
	jujusecrets "github.com/juju/juju/secrets"
	"github.com/juju/juju/secrets/provider"
)

// secretAPI is what an agent asks the controller about secrets, for one unit.
// Their values are in the controller; there is no other backend.
type secretAPI struct {
	m    *Model
	unit string
}

var _ jujusecrets.BackendsClient = (*secretAPI)(nil)

// CreateSecretURIs gives ids for secrets that are to be made.
func (s *secretAPI) CreateSecretURIs(n int) ([]*secrets.URI, error) {
	var uris []*secrets.URI
	for range n {
		uris = append(uris, secrets.NewURI())
	}
	return uris, nil
}

// SecretMetadata is what the unit may manage: its own, and those of its
// application if it leads.
func (s *secretAPI) SecretMetadata() ([]secrets.SecretMetadata, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	u, err := s.m.known(s.unit)
	if err != nil {
		return nil, err
	}
	var all []secrets.SecretMetadata
	for _, one := range s.m.sorted() {
		if s.m.owns(u, one) {
			all = append(all, one.metadata())
		}
	}
	return all, nil
}

func (s *secret) metadata() secrets.SecretMetadata {
	md := secrets.SecretMetadata{
		URI: s.uri, Version: jujusecrets.Version, OwnerTag: s.owner.String(), Description: s.about,
		Label: s.label, RotatePolicy: s.rotate, LatestRevision: s.latest,
		LatestRevisionChecksum: s.checksum, LatestExpireTime: s.expires,
	}
	for who, g := range s.access {
		if g.role == secrets.RoleView {
			md.Access = append(md.Access, secrets.AccessInfo{Target: who, Scope: g.scope, Role: g.role})
		}
	}
	slices.SortFunc(md.Access, func(a, b secrets.AccessInfo) int { return compare(a.Target, b.Target) })
	return md
}

// UnitOwnedSecretsAndRevisions lists what the unit itself owns.
func (s *secretAPI) UnitOwnedSecretsAndRevisions(unit names.UnitTag) ([]secrets.SecretURIWithRevisions, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	var all []secrets.SecretURIWithRevisions
	for _, one := range s.m.sorted() {
		if one.owner == unit {
			all = append(all, secrets.SecretURIWithRevisions{URI: one.uri, Revisions: one.numbers()})
		}
	}
	return all, nil
}

// OwnedSecretRevisions lists the revisions of one that the unit or its
// application owns.
func (s *secretAPI) OwnedSecretRevisions(_ names.UnitTag, uri *secrets.URI) ([]int, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	u, err := s.m.known(s.unit)
	if err != nil {
		return nil, err
	}
	one := s.m.secrets[uri.ID]
	if one == nil || !s.m.owns(u, one) {
		return nil, errors.NotFoundf("secret %q", uri.ID)
	}
	return one.numbers(), nil
}

func (s *secret) numbers() []int {
	var all []int
	for n := range s.revisions {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// SecretRotated notes that an owner has run secret-rotate. Nothing rotates by
// the clock here.
func (s *secretAPI) SecretRotated(string, int) error { return nil }

// WatchConsumedSecretsChanges is not how agents of the model hear of changes.
func (s *secretAPI) WatchConsumedSecretsChanges(string) (watcher.StringsWatcher, error) {
	return nil, errors.NotSupportedf("watching secrets")
}

// WatchObsolete is not how agents of the model hear of changes.
func (s *secretAPI) WatchObsolete(...names.Tag) (watcher.StringsWatcher, error) {
	return nil, errors.NotSupportedf("watching secrets")
}

// WatchDeleted is not how agents of the model hear of changes.
func (s *secretAPI) WatchDeleted(...names.Tag) (watcher.StringsWatcher, error) {
	return nil, errors.NotSupportedf("watching secrets")
}

// GetConsumerSecretsRevisionInfo says what is newest of secrets that a unit
// has read; those that are gone are left out.
func (s *secretAPI) GetConsumerSecretsRevisionInfo(_ string, uris []string) (map[string]secrets.SecretRevisionInfo, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	u, err := s.m.known(s.unit)
	if err != nil {
		return nil, err
	}
	consumed := s.m.consumed(u)
	info := map[string]secrets.SecretRevisionInfo{}
	for _, uri := range uris {
		if one, ok := consumed[uri]; ok {
			info[uri] = one
		}
	}
	return info, nil
}

// consumed is the newest of all secrets that a unit has read and may still
// read. The caller holds mu.
func (m *Model) consumed(u *Unit) map[string]secrets.SecretRevisionInfo {
	all := map[string]secrets.SecretRevisionInfo{}
	for _, one := range m.secrets {
		c := one.consumers[u.tag().String()]
		if c == nil || !one.read(u) {
			continue
		}
		label := c.label
		if label == "" && m.owns(u, one) {
			label = one.label
		}
		all[one.uri.String()] = secrets.SecretRevisionInfo{Revision: c.latest, Label: label}
	}
	return all
}

// GetContent gives the revision of a secret that the unit has, with all the
// rules about who may name it how.
func (s *secretAPI) GetContent(uri *secrets.URI, label string, refresh, peek bool) (secrets.SecretValue, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	u, err := s.m.known(s.unit)
	if err != nil {
		return nil, err
	}
	one, relabel, err := s.m.lookup(u, uri, label)
	if err != nil {
		return nil, err
	}
	if !one.read(u) {
		return nil, apiservererrors.ErrPerm
	}
	n, err := s.m.track(u, one, refresh, peek, relabel)
	if err != nil {
		return nil, errors.Annotate(err, "getting latest secret revision")
	}
	r := one.revisions[n]
	if r == nil {
		return nil, errors.NotFoundf("secret revision %q", revisionID(one.uri, n))
	}
	return secrets.NewSecretValue(r.data), nil
}

// lookup finds a secret by its id or a label, and says which label of a
// consumer to write down. Owners use the owner's label, and change it by
// naming another one; consumers have labels of their own. The caller holds mu.
func (m *Model) lookup(u *Unit, uri *secrets.URI, label string) (*secret, *string, error) {
	for _, one := range m.sorted() {
		own := one.owner == u.tag() || one.owner == u.app.tag()
		if !own || (uri != nil && one.uri.ID != uri.ID) || (uri == nil && one.label != label) {
			continue
		}
		if uri != nil && label != "" && label != one.label && m.owns(u, one) {
			if err := m.updateSecret(u, params.UpdateSecretArg{
				URI: uri.String(), UpsertSecretArg: params.UpsertSecretArg{Label: &label},
			}); err != nil {
				return nil, nil, err
			}
		}
		return one, nil, nil
	}
	if uri == nil {
		for _, one := range m.sorted() {
			if c := one.consumers[u.tag().String()]; c != nil && c.label == label {
				return one, nil, nil
			}
		}
		return nil, nil, errors.NotFoundf("consumer label %q", label)
	}
	one := m.secrets[uri.ID]
	if one == nil {
		return nil, nil, errors.NotFoundf("secret %q", uri.String())
	}
	if label != "" {
		return one, &label, nil
	}
	return one, nil, nil
}

// GetRevisionContent gives one revision.
func (s *secretAPI) GetRevisionContent(uri *secrets.URI, n int) (secrets.SecretValue, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if one := s.m.secrets[uri.ID]; one != nil && one.revisions[n] != nil {
		return secrets.NewSecretValue(one.revisions[n].data), nil
	}
	return nil, errors.NotFoundf("secret revision %q", revisionID(uri, n))
}

// SaveContent is refused: values go to the controller with the rest.
func (s *secretAPI) SaveContent(*secrets.URI, int, secrets.SecretValue) (secrets.ValueRef, error) {
	return secrets.ValueRef{}, errors.NotSupportedf("external secrets")
}

// DeleteContent has nothing to delete outside the controller.
func (s *secretAPI) DeleteContent(uri *secrets.URI, n int) error {
	return errors.NotFoundf("secret revision %q", revisionID(uri, n))
}

// DeleteExternalContent has nothing to delete outside the controller.
func (s *secretAPI) DeleteExternalContent(secrets.ValueRef) error {
	return errors.NotSupportedf("external secrets")
}

// GetBackend is refused: there is none.
func (s *secretAPI) GetBackend(*string, bool) (provider.SecretsBackend, string, error) {
	return nil, "", errors.NotSupportedf("external secrets")
}

package model

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/juju/errors"
	"github.com/juju/juju/core/leadership"
	"github.com/juju/juju/core/secrets"
	"github.com/juju/juju/rpc/params"
	"github.com/juju/names/v5"

	apiservererrors "github.com/juju/juju/apiserver/errors"
)

// secret is one as the controller keeps it. The rules in this file are those
// of Juju's secretsmanager facade and of the database below it.
type secret struct {
	uri       *secrets.URI
	owner     names.Tag
	label     string
	about     string
	rotate    secrets.RotatePolicy
	expires   *time.Time
	checksum  string
	latest    int
	revisions map[int]*revision
	access    map[string]grant     // tag of who may, owner included
	consumers map[string]*consumer // tag of the unit that has read it
	rank      int                  // in the order of creation
}

type revision struct {
	data     map[string]string // base64, as Juju keeps it
	obsolete bool
}

type grant struct {
	scope string
	role  secrets.SecretRole
}

// consumer is what is known of a unit that has read a secret: which revision
// it is given until it asks for a newer one.
type consumer struct {
	label   string
	tracked int
	latest  int
}

// Secret is what a test may know of one.
type Secret struct {
	ID      string // "secret:9m4e…"
	Owner   string // as "lxd-pool/0", or the name of an application
	Label   string
	Latest  int
	Values  map[int]map[string]string // by revision
	Readers []string                  // units and applications it was granted to
	Tracked map[string]int            // the revision that each unit has
}

// Secrets are all there are, in the order in which they were made.
func (m *Model) Secrets() []Secret {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Secret
	for _, s := range m.sorted() {
		one := Secret{
			ID: s.uri.String(), Owner: s.owner.Id(), Label: s.label, Latest: s.latest,
			Values: map[int]map[string]string{}, Tracked: map[string]int{},
		}
		for n, r := range s.revisions {
			values, err := secrets.NewSecretValue(r.data).Values()
			if err != nil {
				m.fatal("read the secret %s: %v", s.uri, err)
			}
			one.Values[n] = values
		}
		for who, g := range s.access {
			if tag, err := names.ParseTag(who); err == nil && g.role == secrets.RoleView {
				one.Readers = append(one.Readers, tag.Id())
			}
		}
		for who, c := range s.consumers {
			if tag, err := names.ParseTag(who); err == nil {
				one.Tracked[tag.Id()] = c.tracked
			}
		}
		slices.Sort(one.Readers)
		all = append(all, one)
	}
	return all
}

func (m *Model) sorted() []*secret {
	return slices.SortedFunc(maps.Values(m.secrets), func(a, b *secret) int { return cmp.Compare(a.rank, b.rank) })
}

// ExpireSecret has a secret expire: its owner gets secret-expired for the
// latest revision.
func (m *Model) ExpireSecret(id string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	uri, err := secrets.ParseURI(id)
	if err != nil || m.secrets[uri.ID] == nil {
		m.fatal("let the secret %s expire: there is none", id)
	}
	s := m.secrets[uri.ID]
	for name, a := range m.agents {
		if u := m.units[name]; u != nil && m.owns(u, s) {
			a.expired = append(a.expired, revisionID(s.uri, s.latest))
		}
	}
	m.changed()
}

// owns says whether events of a secret's owner are for a unit: its own, and
// those of its application if it leads.
func (m *Model) owns(u *Unit, s *secret) bool {
	if s.owner.Kind() == names.UnitTagKind {
		return s.owner.Id() == u.Name
	}
	return s.owner.Id() == u.app.Name && u.app.leader == u.Name
}

// mustLead fails as Juju does if a unit does not lead its application.
func (m *Model) mustLead(u *Unit) error {
	if u.app.leader == u.Name {
		return nil
	}
	return leadership.NewNotLeaderError(u.Name, u.app.Name)
}

// manage says whether a unit may change a secret.
func (m *Model) manage(u *Unit, s *secret) error {
	if s.access[u.tag().String()].role.Allowed(secrets.RoleManage) {
		return nil
	}
	if s.access[u.app.tag().String()].role.Allowed(secrets.RoleManage) {
		return m.mustLead(u)
	}
	return apiservererrors.ErrPerm
}

// read says whether a unit may read a secret.
func (s *secret) read(u *Unit) bool {
	return s.access[u.tag().String()].role.Allowed(secrets.RoleView) ||
		s.access[u.app.tag().String()].role.Allowed(secrets.RoleView)
}

func (m *Model) secret(uri string) (*secret, error) {
	parsed, err := secrets.ParseURI(uri)
	if err != nil {
		return nil, err
	}
	s := m.secrets[parsed.ID]
	if s == nil {
		return nil, errors.NotFoundf("secret %q", parsed.String())
	}
	return s, nil
}

// labelFree says whether a label is free for an owner or a consumer. One may
// not use a label twice, and an application and its units may not share one.
func (m *Model) labelFree(who names.Tag, label string) error {
	app := who.Id()
	if who.Kind() == names.UnitTagKind {
		app, _ = names.UnitApplication(who.Id())
	}
	clash := func(tag names.Tag) bool {
		if tag == who {
			return true
		}
		if who.Kind() == names.UnitTagKind {
			return tag.Kind() == names.ApplicationTagKind && tag.Id() == app
		}
		return tag.Kind() == names.UnitTagKind && strings.HasPrefix(tag.Id(), app+"/")
	}
	for _, s := range m.secrets {
		if s.label == label && clash(s.owner) {
			return errors.AlreadyExistsf("secret with label %q", label)
		}
		for reader, c := range s.consumers {
			if tag, err := names.ParseTag(reader); err == nil && c.label == label && clash(tag) {
				return errors.AlreadyExistsf("secret with label %q", label)
			}
		}
	}
	return nil
}

func (m *Model) createSecret(u *Unit, arg params.CreateSecretArg) error {
	if len(arg.Content.Data) == 0 {
		return errors.NotValidf("empty secret value")
	}
	owner, err := names.ParseTag(arg.OwnerTag)
	if err != nil {
		return err
	}
	switch {
	case owner == u.tag():
		if u.life != "alive" {
			return errors.Errorf("cannot create secret for owner %q which is not alive", owner)
		}
	case owner == u.app.tag():
		if err := m.mustLead(u); err != nil {
			return err
		}
		if u.app.life != "alive" {
			return errors.Errorf("cannot create secret for owner %q which is not alive", owner)
		}
	default:
		return apiservererrors.ErrPerm
	}
	uri, err := secrets.ParseURI(*arg.URI)
	if err != nil {
		return err
	}
	if arg.Label != nil {
		if err := m.labelFree(owner, *arg.Label); err != nil {
			return err
		}
	}
	s := &secret{
		uri: &secrets.URI{ID: uri.ID}, owner: owner, rank: len(m.secrets),
		revisions: map[int]*revision{}, consumers: map[string]*consumer{},
		access: map[string]grant{owner.String(): {scope: owner.String(), role: secrets.RoleManage}},
	}
	for _, other := range m.secrets {
		s.rank = max(s.rank, other.rank+1)
	}
	m.secrets[uri.ID] = s
	s.update(arg.UpsertSecretArg)
	m.changed()
	return nil
}

func (m *Model) updateSecret(u *Unit, arg params.UpdateSecretArg) error {
	s, err := m.secret(arg.URI)
	if err != nil {
		return err
	}
	if err := m.manage(u, s); err != nil {
		return err
	}
	if arg.Label != nil && *arg.Label != s.label && *arg.Label != "" {
		if err := m.labelFree(s.owner, *arg.Label); err != nil {
			return err
		}
	}
	s.update(arg.UpsertSecretArg)
	m.changed()
	return nil
}

// update takes over what is given. A new revision makes those obsolete that
// nobody has.
func (s *secret) update(arg params.UpsertSecretArg) {
	if arg.Label != nil {
		s.label = *arg.Label
	}
	if arg.Description != nil {
		s.about = *arg.Description
	}
	if arg.RotatePolicy != nil {
		s.rotate = *arg.RotatePolicy
	}
	if arg.ExpireTime != nil || len(arg.Content.Data) > 0 {
		s.expires = nil
		if arg.ExpireTime != nil && !arg.ExpireTime.IsZero() {
			s.expires = arg.ExpireTime
		}
	}
	if len(arg.Content.Data) == 0 {
		return
	}
	s.latest++
	s.checksum = arg.Content.Checksum
	s.revisions[s.latest] = &revision{data: maps.Clone(arg.Content.Data)}
	for _, c := range s.consumers {
		c.latest = s.latest
	}
	s.markObsolete("", s.latest)
}

// markObsolete marks the revisions that no consumer has, but for one revision
// and without regard to one consumer.
func (s *secret) markObsolete(exceptConsumer string, exceptRevision int) {
	used := map[int]bool{exceptRevision: true}
	for who, c := range s.consumers {
		if who != exceptConsumer {
			used[c.tracked] = true
		}
	}
	for n, r := range s.revisions {
		if !used[n] {
			r.obsolete = true
		}
	}
}

func (m *Model) grantSecret(u *Unit, arg params.GrantRevokeSecretArg) error {
	s, err := m.secret(arg.URI)
	if err != nil {
		return err
	}
	if err := m.manage(u, s); err != nil {
		return err
	}
	if err := m.alive(arg.ScopeTag); err != nil {
		return errors.Annotatef(err, "cannot grant access to secret in scope of %q", arg.ScopeTag)
	}
	for _, subject := range arg.SubjectTags {
		if err := m.alive(subject); err != nil {
			return errors.Annotatef(err, "cannot grant access to secret to %q", subject)
		}
		if had, ok := s.access[subject]; ok && had.scope != arg.ScopeTag {
			return errors.New("cannot change secret permission scope")
		}
		s.access[subject] = grant{scope: arg.ScopeTag, role: secrets.SecretRole(arg.Role)}
	}
	m.changed()
	return nil
}

// alive says whether what a tag names is there and not about to go.
func (m *Model) alive(tag string) error {
	parsed, err := names.ParseTag(tag)
	if err != nil {
		return err
	}
	there, dying := false, false
	switch parsed.Kind() {
	case names.RelationTagKind:
		if r := m.relationByTag(tag); r != nil {
			there, dying = true, r.life != "alive"
		}
	case names.UnitTagKind:
		if u := m.units[parsed.Id()]; u != nil {
			there, dying = true, u.life != "alive"
		}
	case names.ApplicationTagKind:
		if a := m.apps[parsed.Id()]; a != nil {
			there, dying = true, a.life != "alive"
		}
	}
	switch {
	case !there:
		return errors.NotFoundf("%s", parsed.Id())
	case dying:
		return errors.Errorf("%s is not alive", parsed.Id())
	}
	return nil
}

func (m *Model) revokeSecret(u *Unit, arg params.GrantRevokeSecretArg) error {
	s, err := m.secret(arg.URI)
	if errors.Is(err, errors.NotFound) {
		return err
	} else if err != nil {
		return err
	}
	if err := m.manage(u, s); err != nil {
		return err
	}
	for _, subject := range arg.SubjectTags {
		delete(s.access, subject)
	}
	m.changed()
	return nil
}

// removeSecret removes revisions, or with none or with the last one the whole.
func (m *Model) removeSecret(u *Unit, arg params.DeleteSecretArg) error {
	s, err := m.secret(arg.URI)
	if err != nil {
		return err
	}
	if err := m.manage(u, s); err != nil {
		return err
	}
	for _, n := range arg.Revisions {
		delete(s.revisions, n)
	}
	if len(arg.Revisions) == 0 || len(s.revisions) == 0 {
		delete(m.secrets, s.uri.ID)
	}
	m.changed()
	return nil
}

// track returns the revision that a unit is given, and remembers it if it is
// its first or it asked for the newest.
func (m *Model) track(u *Unit, s *secret, refresh, peek bool, label *string) (int, error) {
	who := u.tag().String()
	c := s.consumers[who]
	refresh = refresh || c == nil
	want := s.latest
	if c != nil && !refresh && !peek {
		want = c.tracked
	}
	if !refresh && label == nil {
		return want, nil
	}
	next := consumer{tracked: s.latest, latest: s.latest}
	if c != nil {
		next = *c
		if refresh {
			next.tracked, next.latest = s.latest, s.latest
		}
	}
	if label != nil && *label != next.label {
		if err := m.labelFree(u.tag(), *label); err != nil {
			return 0, err
		}
		next.label = *label
	}
	if c != nil && next.tracked > c.tracked {
		s.markObsolete(who, next.tracked)
	}
	s.consumers[who] = &next
	m.changed()
	return want, nil
}

// dropSecretsOf forgets what someone who is gone owned, read and was granted.
func (m *Model) dropSecretsOf(who names.Tag) {
	for id, s := range m.secrets {
		if s.owner == who {
			delete(m.secrets, id)
		}
		delete(s.consumers, who.String())
		delete(s.access, who.String())
	}
	m.dropScope(who)
}

// dropScope forgets what was granted in a relation that is gone.
func (m *Model) dropScope(scope names.Tag) {
	for _, s := range m.secrets {
		for who, g := range s.access {
			if g.scope == scope.String() && g.role == secrets.RoleView {
				delete(s.access, who)
			}
		}
	}
}

func (u *Unit) tag() names.UnitTag       { return names.NewUnitTag(u.Name) }
func (a *App) tag() names.ApplicationTag { return names.NewApplicationTag(a.Name) }

package model

import (
	"encoding/base64"

	"github.com/juju/juju/core/secrets"
	"github.com/juju/juju/rpc/params"
)

// AddSecret makes a secret of the model, as "juju add-secret" does, and returns
// its id. Nobody may read it yet.
func (m *Model) AddSecret(content map[string]string) string {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	owner := m.tag()
	s := &secret{
		uri: secrets.NewURI(), owner: owner, rank: len(m.secrets),
		revisions: map[int]*revision{}, consumers: map[string]*consumer{},
		access: map[string]grant{owner.String(): {scope: owner.String(), role: secrets.RoleManage}},
	}
	for _, other := range m.secrets {
		s.rank = max(s.rank, other.rank+1)
	}
	m.secrets[s.uri.ID] = s
	s.revise(content)
	m.changed()
	return s.uri.String()
}

// ReviseSecret gives a secret of the model another content, as "juju
// update-secret" does.
func (m *Model) ReviseSecret(id string, content map[string]string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.modelSecret(id).revise(content)
	m.changed()
}

// GrantSecret lets an application read a secret of the model, as "juju
// grant-secret" does. That is no event.
func (m *Model) GrantSecret(id, app string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	tag := m.app(app).tag().String()
	m.modelSecret(id).access[tag] = grant{scope: tag, role: secrets.RoleView}
	m.changed()
}

func (m *Model) modelSecret(id string) *secret {
	m.t.Helper()
	s, err := m.secret(id)
	if err != nil || s.owner != m.tag() {
		m.fatal("find the secret %s of the model: %v", id, err)
	}
	return s
}

// revise adds a revision.
func (s *secret) revise(content map[string]string) {
	data := map[string]string{}
	for key, value := range content {
		data[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	s.update(params.UpsertSecretArg{Content: params.SecretContentParams{Data: data}})
}

package simbackend

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Simulated remotes are kept in memory. Every server answers but those whose
// name ends in ".invalid". Image servers have a certificate that everybody
// trusts; an LXD has one of its own, and trusts who brings a token, a password
// or a certificate.

// Remotes implements [pool.Remotes].
func (b *Backend) Remotes(context.Context) ([]pool.Remote, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := pool.DefaultRemotes()
	for _, name := range slices.Sorted(maps.Keys(b.remotes)) {
		list = append(list, b.remotes[name])
	}
	slices.SortFunc(list, func(x, y pool.Remote) int { return cmp.Compare(x.Name, y.Name) })
	return list, nil
}

// findRemote returns a remote that was added, or why it cannot be changed.
func (b *Backend) findRemote(name pool.RemoteName) (pool.Remote, error) {
	if r, ok := b.remotes[name]; ok {
		return r, nil
	}
	if isDefault(name) {
		return pool.Remote{}, pool.StaticRemote(name)
	}
	return pool.Remote{}, pool.NoRemote(name)
}

func isDefault(name pool.RemoteName) bool {
	return slices.ContainsFunc(pool.DefaultRemotes(), func(r pool.Remote) bool { return r.Name == name })
}

func (b *Backend) freeRemote(name pool.RemoteName) error {
	if _, taken := b.remotes[name]; taken || isDefault(name) {
		return pool.RemoteExists(name)
	}
	return nil
}

// AddRemote implements [pool.Remotes].
func (b *Backend) AddRemote(_ context.Context, r pool.NewRemote) (*pool.Remote, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.freeRemote(r.Name); err != nil {
		return nil, err
	}
	made := pool.Remote{Name: r.Name, URL: cmp.Or(r.URL, "https://token.example:8443"), Protocol: cmp.Or(r.Protocol, pool.LXDProtocol),
		Public: r.Public || r.Protocol == pool.Simplestreams}
	if err := reachable(made); err != nil {
		return nil, err
	}
	if made.Protocol == pool.LXDProtocol {
		made.Fingerprint = certificate(made.URL)
		if err := trust(&r, made.Fingerprint); err != nil {
			return nil, err
		}
	}
	b.addRemote(made)
	return &made, nil
}

func (b *Backend) addRemote(r pool.Remote) {
	if b.remotes == nil {
		b.remotes = map[pool.RemoteName]pool.Remote{}
	}
	b.remotes[r.Name] = r
}

func reachable(r pool.Remote) error {
	if strings.HasSuffix(strings.TrimRight(r.URL, "/"), ".invalid") {
		return pool.Errorf(pool.ErrUnavailable, "check the URL", "cannot reach remote %s: %s does not answer", r.Name, r.URL)
	}
	return nil
}

// certificate is the fingerprint of what a simulated LXD shows.
func certificate(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:])
}

func trust(r *pool.NewRemote, fingerprint string) error {
	switch {
	case r.Fingerprint != "" && r.Fingerprint != fingerprint:
		return pool.Errorf(pool.ErrRejected, "make sure that this is the server that you mean",
			"cannot add remote %s: its certificate has the fingerprint %s, not %s", r.Name, fingerprint, r.Fingerprint)
	case r.Fingerprint == "" && !r.AcceptCertificate && r.Token == "":
		return pool.Errorf(pool.ErrRejected, "repeat it with --fingerprint, or with --accept-certificate",
			"cannot add remote %s: this host does not trust its certificate, which has the fingerprint %s", r.Name, fingerprint)
	case !r.Public && r.Token == "" && r.Password == "" && r.ClientCert == "":
		return pool.Errorf(pool.ErrRejected, "repeat it with --token", "cannot add remote %s: it does not trust us", r.Name)
	}
	return nil
}

// RemoveRemote implements [pool.Remotes].
func (b *Backend) RemoveRemote(_ context.Context, name pool.RemoteName) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.findRemote(name)
	if err == nil {
		delete(b.remotes, name)
	}
	return err
}

// RenameRemote implements [pool.Remotes].
func (b *Backend) RenameRemote(_ context.Context, name, to pool.RemoteName) (*pool.Remote, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.findRemote(name)
	if err == nil {
		err = b.freeRemote(to)
	}
	if err != nil {
		return nil, err
	}
	delete(b.remotes, name)
	r.Name = to
	b.addRemote(r)
	return &r, nil
}

// SetRemoteURL implements [pool.Remotes].
func (b *Backend) SetRemoteURL(_ context.Context, name pool.RemoteName, url string) (*pool.Remote, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.findRemote(name)
	r.URL = url
	if err == nil {
		err = reachable(r)
	}
	if err != nil {
		return nil, err
	}
	b.addRemote(r)
	return &r, nil
}

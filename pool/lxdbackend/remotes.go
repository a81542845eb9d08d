package lxdbackend

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// greetLimit bounds how long a new remote may take to answer.
const greetLimit = 30 * time.Second

// Remotes returns every remote by name.
func (b *Backend) Remotes(context.Context) ([]pool.Remote, error) {
	var list []pool.Remote
	for _, name := range b.book.names() {
		if k, ok := b.book.find(name); ok {
			list = append(list, k.show(name))
		}
	}
	return list, nil
}

// AddRemote talks to the new remote before it writes it down.
func (b *Backend) AddRemote(ctx context.Context, r pool.NewRemote) (*pool.Remote, error) {
	if _, taken := b.book.find(r.Name); taken {
		return nil, pool.RemoteExists(r.Name)
	}
	bounded, cancel := context.WithTimeout(ctx, greetLimit)
	defer cancel()
	k, undo, err := b.greet(bounded, &r)
	if err != nil {
		return nil, fail(kindOfSilence(err, pool.ErrRejected), "cannot add remote "+string(r.Name), err)
	}
	err = b.book.edit(func(p *pages) error {
		if _, taken := p.Remotes[r.Name]; taken {
			return pool.RemoteExists(r.Name)
		}
		p.Remotes[r.Name] = k
		return nil
	})
	if err != nil {
		undo()
		return nil, err
	}
	shown := k.show(r.Name)
	return &shown, nil
}

// greet finds out whether a remote is what it is said to be, and makes it trust
// us. undo takes that trust back.
func (b *Backend) greet(ctx context.Context, r *pool.NewRemote) (k known, undo func(), err error) {
	undo = func() {}
	k = known{URL: strings.TrimRight(r.URL, "/"), Protocol: cmp.Or(r.Protocol, pool.LXDProtocol), Public: r.Public || r.Protocol == pool.Simplestreams,
		ClientCert: r.ClientCert, ClientKey: r.ClientKey}
	wanted := r.Fingerprint
	if k.ClientCert != "" {
		if _, err := tls.X509KeyPair([]byte(k.ClientCert), []byte(k.ClientKey)); err != nil {
			return k, undo, pool.Invalidf("", "cannot add remote %s: its client certificate and key do not fit: %w", r.Name, err)
		}
	}
	if r.Token != "" {
		token, err := readToken(r.Token)
		if err != nil {
			return k, undo, err
		}
		wanted = cmp.Or(wanted, token.Fingerprint)
		k.URL = cmp.Or(k.URL, reachable(ctx, token.Addresses))
	}
	if k.ServerCert, err = pin(ctx, r, k.URL, wanted); err != nil {
		return k, undo, err
	}
	if k.Protocol == pool.Simplestreams {
		return k, undo, greetImages(ctx, k)
	}
	undo, err = b.greetLXD(ctx, r, k)
	return k, undo, elsewhere(k.URL, err)
}

// reachable returns the URL of the first address that answers, of the first at
// all when none does.
func reachable(ctx context.Context, addresses []string) string {
	for _, address := range addresses {
		if _, _, err := peerCertificate(ctx, "https://"+address); err == nil {
			return "https://" + address
		}
	}
	return "https://" + addresses[0]
}

func (b *Backend) greetLXD(ctx context.Context, r *pool.NewRemote, k known) (undo func(), err error) {
	undo = func() {}
	there, cert, err := b.dial(k)
	if err != nil {
		return undo, err
	}
	defer there.Close()
	trusted, err := there.trusts(ctx)
	if err != nil || trusted || k.Public {
		return undo, err
	}
	if r.Token == "" && r.Password == "" {
		return undo, pool.Errorf(pool.ErrRejected, `repeat it with --token and what "lxc config trust add --name lxd-pool" prints there, or have it trust the client certificate`,
			"cannot add remote %s: it does not trust us", r.Name)
	}
	if err := there.introduce(ctx, cert, r); err != nil {
		if away(err) {
			return undo, err
		}
		return undo, pool.Errorf(pool.ErrRejected, "get a new token there; each can be used once", "cannot add remote %s: it does not take the token or password: %w", r.Name, err)
	}
	undo = func() {
		if again, _, err := b.dial(k); err == nil {
			defer again.Close()
			tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), greetLimit)
			defer cancel()
			again.withdraw(tidy, cert)
		}
	}
	if trusted, err = there.trusts(ctx); err == nil && !trusted {
		err = errors.New("it took the token or password, and still does not trust us")
	}
	if err != nil {
		undo()
	}
	return undo, err
}

// dial returns the LXD of a remote as a backend of its own, without pools, and
// the certificate that we show to it. The caller closes it.
func (b *Backend) dial(k known) (*Backend, string, error) {
	cert, key, err := b.book.identity(k)
	if err != nil {
		return nil, "", err
	}
	o := Options{URL: k.URL, ServerCert: k.ServerCert, ClientCert: cert, ClientKey: key}
	conn, err := connect(o)
	if err != nil {
		return nil, "", err
	}
	return newBackend(conn, o), cert, nil
}

// RemoveRemote forgets a remote. What trusts us there goes on to do so.
func (b *Backend) RemoveRemote(_ context.Context, name pool.RemoteName) error {
	return b.book.edit(func(p *pages) error {
		if _, err := changeable(p, name); err != nil {
			return err
		}
		delete(p.Remotes, name)
		return nil
	})
}

// RenameRemote gives a remote another name.
func (b *Backend) RenameRemote(_ context.Context, name, to pool.RemoteName) (*pool.Remote, error) {
	var shown pool.Remote
	_, taken := b.book.find(to)
	err := b.book.edit(func(p *pages) error {
		k, err := changeable(p, name)
		if err != nil {
			return err
		}
		if _, again := p.Remotes[to]; taken || again {
			return pool.RemoteExists(to)
		}
		delete(p.Remotes, name)
		p.Remotes[to] = k
		shown = k.show(to)
		return nil
	})
	return &shown, err
}

// SetRemoteURL moves a remote, if it is the same server there.
func (b *Backend) SetRemoteURL(ctx context.Context, name pool.RemoteName, url string) (*pool.Remote, error) {
	before, ok := b.book.find(name)
	switch {
	case !ok:
		return nil, pool.NoRemote(name)
	case before.static:
		return nil, pool.StaticRemote(name)
	}
	bounded, cancel := context.WithTimeout(ctx, greetLimit)
	defer cancel()
	same := pool.NewRemote{
		Name: name, URL: url, Protocol: before.Protocol, Public: before.Public, Fingerprint: fingerprintOfPEM(before.ServerCert),
		ClientCert: before.ClientCert, ClientKey: before.ClientKey,
	}
	k, _, err := b.greet(bounded, &same)
	if err != nil {
		return nil, fail(kindOfSilence(err, pool.ErrRejected), "cannot change remote "+string(name), err)
	}
	var shown pool.Remote
	err = b.book.edit(func(p *pages) error {
		if _, err := changeable(p, name); err != nil {
			return err
		}
		p.Remotes[name] = k
		shown = k.show(name)
		return nil
	})
	return &shown, err
}

// changeable returns a remote that was added.
func changeable(p *pages, name pool.RemoteName) (known, error) {
	if k, ok := p.Remotes[name]; ok {
		return k, nil
	}
	for _, r := range pool.DefaultRemotes() {
		if r.Name == name {
			return known{}, pool.StaticRemote(name)
		}
	}
	return known{}, pool.NoRemote(name)
}

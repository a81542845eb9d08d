package lxdbackend

import (
	"context"
	"sync/atomic"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Backend is LXD as a [pool.Backend]. It is safe for concurrent use.
type Backend struct {
	lxd       lxd
	options   Options
	facts     atomic.Pointer[facts]
	book      *remoteBook
	aliases   aliasCache
	templates templates
	others    others
}

var (
	_ pool.Backend    = (*Backend)(nil)
	_ pool.Watcher    = (*Backend)(nil)
	_ pool.Guest      = (*Backend)(nil)
	_ pool.Remotes    = (*Backend)(nil)
	_ pool.Files      = (*Backend)(nil)
	_ pool.Images     = (*Backend)(nil)
	_ pool.ImageFiles = (*Backend)(nil)
	_ pool.Publisher  = (*Backend)(nil)
	_ pool.Mover      = (*Backend)(nil)
	_ pool.Elsewhere  = (*Backend)(nil)
)

// Open returns a backend for the LXD that o names. It does not connect: an LXD
// that is away makes the verbs return [pool.ErrUnavailable] until it is back.
// An error means that o cannot be right.
func Open(_ context.Context, o Options) (*Backend, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	conn, err := connect(o)
	if err != nil {
		return nil, pool.Errorf(pool.ErrInvalid, "check the certificates", "cannot set up the connection to LXD: %w", err)
	}
	book, err := openBook(o.StateDir)
	if err != nil {
		return nil, err
	}
	b := newBackend(conn, o)
	b.book = book
	return b, nil
}

func newBackend(l lxd, o Options) *Backend {
	return &Backend{lxd: l, options: o.withDefaults(), book: &remoteBook{}}
}

// Close lets the connections to LXD go. Calls that still run are not ended by it.
func (b *Backend) Close() error {
	b.lxd.Close()
	b.others.close()
	return nil
}

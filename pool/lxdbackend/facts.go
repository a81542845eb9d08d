package lxdbackend

import (
	"context"
	"slices"

	"github.com/canonical/lxd/shared/api"
)

// facts are what LXD says about itself.
type facts struct {
	extensions    []string
	architectures []string // its own first
	clustered     bool
}

// know asks LXD about itself, once until it was away.
func (b *Backend) know(ctx context.Context) (*facts, error) {
	if f := b.facts.Load(); f != nil {
		return f, nil
	}
	var server api.Server
	if err := b.get(ctx, "/1.0", &server); err != nil {
		return nil, err
	}
	f := &facts{server.APIExtensions, server.Environment.Architectures, server.Environment.ServerClustered}
	b.facts.Store(f)
	return f, nil
}

func (f *facts) has(extension string) bool { return slices.Contains(f.extensions, extension) }

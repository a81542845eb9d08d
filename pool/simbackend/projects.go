package simbackend

import (
	"slices"

	"github.com/lxd-pool/lxd-pool/pool"
)

func (b *Backend) needProject(name string) error {
	if slices.Contains(b.o.Projects, name) {
		return nil
	}
	return pool.Errorf(pool.ErrNotFound, `see "lxd-pool project list"`, "cannot find project %q: there is none of that name", name)
}

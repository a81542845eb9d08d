package lxdbackend

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// project reads a project and its mark.
func (b *Backend) project(ctx context.Context, name string) (*api.Project, string, error) {
	answer, mark, err := b.lxd.Tagged(ctx, http.MethodGet, "/1.0/projects/"+url.PathEscape(name), nil, "")
	if notFound(err) {
		return nil, "", pool.Errorf(pool.ErrNotFound, `see "lxd-pool project list", or make it with "lxd-pool init --project `+name+`"`,
			"cannot find project %q: LXD has none of that name", name)
	}
	if err != nil {
		return nil, "", err
	}
	found := new(api.Project)
	if err := json.Unmarshal(answer.Metadata, found); err != nil {
		return nil, "", &awayError{err}
	}
	return found, mark, nil
}

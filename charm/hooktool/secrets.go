package hooktool

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// AddSecret makes a secret of this unit and returns its id. The agent reads the
// content from a file that only root can read and that is gone on return.
func (t Tools) AddSecret(ctx context.Context, label string, content map[string]string) (id string, err error) {
	dir, err := os.MkdirTemp("", "secret-") // 0700
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	text, err := json.Marshal(content) // which is YAML
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "content")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", err
	}
	return t.text(ctx, "secret-add", "--owner", "unit", "--label", label, "--file", path)
}

// GrantSecret lets one unit at the other end of a relation read a secret.
func (t Tools) GrantSecret(ctx context.Context, id, relation, unit string) error {
	return t.do(ctx, "secret-grant", id, "-r", relation, "--unit", unit)
}

// RemoveSecret removes a secret of this unit with all its revisions. One that has
// gone is no error.
func (t Tools) RemoveSecret(ctx context.Context, id string) error {
	err := t.do(ctx, "secret-remove", id)
	if failed, ok := errors.AsType[*Error](err); ok && strings.Contains(failed.Said, "not found") {
		return nil
	}
	return err
}

// Secrets returns the ids of the secrets that this unit has made.
func (t Tools) Secrets(ctx context.Context) ([]string, error) {
	return read[[]string](ctx, t, "secret-ids")
}

// Secret reads the newest revision of a secret, and goes on with that one.
func (t Tools) Secret(ctx context.Context, id string) (map[string]string, error) {
	return read[map[string]string](ctx, t, "secret-get", id, "--refresh")
}

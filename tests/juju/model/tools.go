package model

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/juju/juju/internal/worker/uniter/runner/jujuc"
)

// LinkTools fills a directory with the hook tools: client, which is Juju's
// jujuc, under the name of each of them.
func LinkTools(dir, client string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot make the hook tools: %w", err)
	}
	for _, name := range jujuc.CommandNames() {
		if err := os.Symlink(client, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("cannot make the hook tool %s: %w", name, err)
		}
	}
	return nil
}

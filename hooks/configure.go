package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// configure runs after every "snap set" and "snap unset", and at the end of an
// install or refresh. It fails for nothing but a value that cannot be, since
// snapd undoes the whole install then; a daemon or an LXD that is away is no
// such reason. After a failure the daemon has what it had.
func configure(ctx context.Context, s *snap) error {
	c, err := s.read(ctx)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(s.configFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read what the daemon was configured by: %w", err)
	}
	if err := s.write(c); err != nil {
		return err
	}
	restart, err := s.reload(ctx)
	if err != nil {
		return errors.Join(err, s.putBack(before))
	}
	if restart {
		// It is queued until this hook has succeeded.
		_, err = s.snapctl(ctx, "restart", daemon)
	}
	return err
}

// read reads what was set as a configuration of the daemon.
func (s *snap) read(ctx context.Context) (*api.Configuration, error) {
	all, err := s.values(ctx)
	if err != nil {
		return nil, err
	}
	return parse(all)
}

// write puts a configuration where the daemon reads it. JSON is YAML.
func (s *snap) write(c *api.Configuration) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return s.replace(append(text, '\n'))
}

// replace replaces the file in one step. Setup scripts and LXD's own keys may
// be secret, so that it is for root.
func (s *snap) replace(text []byte) error {
	path := s.configFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the directory of the configuration: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".daemon-*") // 0600
	if err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	return os.Rename(f.Name(), path)
}

// putBack undoes write; nil: there was no file.
func (s *snap) putBack(text []byte) error {
	if text == nil {
		return os.Remove(s.configFile())
	}
	return s.replace(text)
}

// reload has the daemon take its configuration over, and reports whether it has
// to be restarted for a part of it. One that does not run reads it when it starts.
func (s *snap) reload(ctx context.Context) (restart bool, err error) {
	c := s.client()
	defer c.Close()
	answer, err := c.Reload(ctx)
	if errors.Is(err, pool.ErrUnreachable) || errors.Is(err, pool.ErrClosed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return len(answer.Restart) > 0, nil
}

package boltstore

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lxd-pool/lxd-pool/pool"
)

// tokensName is the file of the named tokens in the directory of a store.
const tokensName = "tokens.json"

var _ pool.TokenBook = (*Store)(nil)

// ReadTokens returns the named tokens that were written last.
func (s *Store) ReadTokens() ([]pool.TokenRecord, error) {
	path := filepath.Join(s.dir, tokensName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []pool.TokenRecord
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, pool.Errorf(pool.ErrCorrupt, "mend the file, or move it away and make the tokens again", "cannot read the tokens in %s: %w", path, err)
	}
	return all, nil
}

// WriteTokens replaces the file as a whole: a crash leaves the old one or the new.
func (s *Store) WriteTokens(all []pool.TokenRecord) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, tokensName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

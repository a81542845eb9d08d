package machine

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// given is what this charm has brought to the machine, and what it changed of
// what was there. It is written before the deed, so that what a hook began that
// failed is taken back too.
type given struct {
	// Snap: it installed the snap. Sum is that of the file which it came from.
	Snap bool   `json:"snap,omitempty"`
	Sum  string `json:"sum,omitempty"`
	// Found: the snap was there already, and was configured as Before.
	Found  bool           `json:"found,omitempty"`
	Before map[string]any `json:"before,omitempty"`
	// Connected and Held: it did so.
	Connected bool `json:"connected,omitempty"`
	Held      bool `json:"held,omitempty"`
	// Stopped: the daemon is stopped and has nothing in LXD.
	Stopped bool `json:"stopped,omitempty"`
	// LXD: it installed LXD. Set: it set LXD up, or began to.
	LXD bool `json:"lxd,omitempty"`
	Set bool `json:"set,omitempty"`
	// Done: LXD is set up. From then on it belongs to who operates it.
	Done bool `json:"done,omitempty"`

	path string
}

func openGiven(path string) (*given, error) {
	g := &given{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return nil, err
	}
	return g, json.Unmarshal(text, g)
}

// write makes what is noted durable.
func (g *given) write() error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return replace(g.path, text)
}

func (g *given) forget() error {
	if err := os.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// replace writes a file for root only, in one step.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

package simbackend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/lxd-pool/lxd-pool/pool"
)

// file is the world on disk: one line of JSON for each change, written by one
// write(2), so that it survives the process. A nil file keeps nothing.
type file struct {
	f *os.File
}

type line struct {
	Put  *instance `json:"put,omitempty"`
	Drop *lineKey  `json:"drop,omitempty"`

	Profile   *pool.Profile `json:"profile,omitempty"`
	NoProfile *profileLine  `json:"no-profile,omitempty"`
	Project   *pool.Project `json:"project,omitempty"`
	NoProject string        `json:"no-project,omitempty"`
}

type profileLine struct {
	Project string `json:"project"`
	Name    string `json:"name"`
}

type lineKey struct {
	Project string            `json:"project"`
	Name    pool.InstanceName `json:"name"`
}

func (f *file) write(l line) error {
	if f == nil {
		return nil
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := f.f.Write(append(text, '\n')); err != nil {
		return pool.Errorf(pool.ErrUnavailable, "", "cannot keep the simulated world: %w", err)
	}
	return nil
}

func (f *file) close() error {
	if f == nil {
		return nil
	}
	return f.f.Close()
}

// openWorld reads the world in the file, and writes the file anew when most of
// it is past.
func openWorld(path string) (*world, error) {
	w := newWorld()
	lines, err := w.load(path)
	if err == nil && lines > 2*len(w.used) {
		err = w.rewrite(path)
	}
	if err == nil {
		w.file, err = openFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the simulated world in %s: %w", path, err)
	}
	return w, nil
}

func openFile(path string) (*file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{f}, nil
}

// load applies every whole line and returns how many there were. Half a line
// at the end, which a process leaves that was killed, is cut off.
func (w *world) load(path string) (lines int, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for text := range bytes.Lines(text[:whole]) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return lines, fmt.Errorf("line %d: %w", lines+1, err)
		}
		w.replay(l)
		lines++
	}
	if whole == len(text) {
		return lines, nil
	}
	return lines, os.Truncate(path, int64(whole))
}

func (w *world) replay(l line) {
	switch {
	case l.Put != nil:
		w.apply(l.Put)
	case l.Drop != nil:
		w.forget(key{l.Drop.Project, l.Drop.Name})
	case l.Profile != nil:
		w.profiles[profileKey{l.Profile.Project, l.Profile.Name}] = l.Profile
	case l.Project != nil:
		w.projects[l.Project.Name] = l.Project
	case l.NoProject != "":
		w.forgetProject(l.NoProject)
	case l.NoProfile != nil:
		delete(w.profiles, profileKey{l.NoProfile.Project, l.NoProfile.Name})
	}
}

// rewrite replaces the file by one that leads to the same world: names that
// were used are remembered by their end alone.
func (w *world) rewrite(path string) error {
	fresh := path + ".new"
	if err := w.save(fresh); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return os.Rename(fresh, path)
}

func (w *world) save(path string) error {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	for k := range w.used {
		l := line{Drop: &lineKey{k.project, k.name}}
		if in := w.instances[k]; in != nil {
			l = line{Put: in}
		}
		if err := to.Encode(l); err != nil {
			return err
		}
	}
	for _, p := range w.projects {
		if err := to.Encode(line{Project: p}); err != nil {
			return err
		}
	}
	for _, p := range w.profiles {
		if err := to.Encode(line{Profile: p}); err != nil {
			return err
		}
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}

package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// packedAt is the time of every file: the earliest that the format has. That of
// the files themselves says when they were built, and no two packed charms
// would be equal.
var packedAt = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// writeCharm writes the files of a tree and those that were generated. Either
// the charm is there whole when it returns, or what was there before.
func writeCharm(path, tree string, generated map[string][]byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // it is gone if all went well
	if err := errors.Join(writeZip(part, tree, generated), part.Chmod(0o644), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

func writeZip(to io.Writer, tree string, generated map[string][]byte) error {
	names, err := filesBelow(tree)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := generated[name]; ok {
			return fmt.Errorf("%s is in the tree, but is made from the project file", name)
		}
	}
	names = slices.AppendSeq(names, maps.Keys(generated))
	slices.Sort(names)
	z := zip.NewWriter(to)
	for _, name := range names {
		if err := writeFile(z, tree, name, generated[name]); err != nil {
			return fmt.Errorf("cannot pack %s: %w", name, err)
		}
	}
	return z.Close()
}

// writeFile writes one file: that of the tree, if it was not generated.
func writeFile(z *zip.Writer, tree, name string, content []byte) error {
	mode := fs.FileMode(0o644)
	if content == nil {
		path := filepath.Join(tree, filepath.FromSlash(name))
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		if content, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: packedAt}
	header.SetMode(mode)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

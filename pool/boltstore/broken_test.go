package boltstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
)

// tryAll opens the store and its pool and loads it.
func tryAll(dir string) error {
	s, err := boltstore.Open(dir, boltstore.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	j, err := s.Open(context.Background(), "ci")
	if err != nil {
		return err
	}
	_, err = j.Load(context.Background())
	return err
}

func expectCorrupt(t *testing.T, err error, path string) {
	t.Helper()
	if !errors.Is(err, pool.ErrCorrupt) {
		t.Errorf("got %v", err)
		return
	}
	var e *pool.Error
	if !strings.Contains(err.Error(), path) || !errors.As(err, &e) || e.Next == "" {
		t.Errorf("it does not name the file and the next step: %v", err)
	}
}

func TestABrokenFileIsNamedWithTheNextStepAndLeftAsItIs(t *testing.T) {
	for what, harm := range map[string]func(text []byte) []byte{
		"another kind of file": func([]byte) []byte { return []byte(strings.Repeat("shopping list\n", 5000)) },
		"a short file":         func([]byte) []byte { return []byte("x") },
		"an empty file":        func([]byte) []byte { return nil },
		"half a file":          func(text []byte) []byte { return text[:len(text)/2] },
		"two pages":            func(text []byte) []byte { return text[:2*os.Getpagesize()] },
		"zeros at the end": func(text []byte) []byte {
			clear(text[3*os.Getpagesize():])
			return text
		},
	} {
		for _, which := range []func(string) string{ciFile, func(dir string) string { return filepath.Join(dir, "manager.db") }} {
			dir := filled(t, 500)
			path := which(dir)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, harm(text), 0o600); err != nil {
				t.Fatal(err)
			}
			unchanged(t, path, func() {
				expectCorrupt(t, boltstore.Check(dir), path)
				expectCorrupt(t, tryAll(dir), path)
				expectCorrupt(t, tryAll(dir), path) // it is not locked by the first try
			})
			if t.Failed() {
				t.Fatal("with ", what)
			}
		}
	}
}

// A file that was harmed anywhere is refused or read, and never ends the
// process. Half of the harm is done where it hurts most, at the head of pages.
func TestAHarmedFileNeverEndsTheProcess(t *testing.T) {
	dir := filled(t, 200)
	path := ciFile(dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(1, 0))
	refused := 0
	for round := range 100 {
		harmed := append([]byte(nil), whole...)
		for range 1 + dice.IntN(10) {
			at := dice.IntN(len(harmed))
			if round%2 == 0 {
				at = at/os.Getpagesize()*os.Getpagesize() + at%80
			}
			harmed[at] ^= 1 << dice.IntN(8)
		}
		if err := os.WriteFile(path, harmed, 0o600); err != nil {
			t.Fatal(err)
		}
		boltstore.Check(dir)
		if err := tryAll(dir); err != nil {
			refused++
			if !errors.Is(err, pool.ErrCorrupt) {
				t.Fatalf("round %d: %v", round, err)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused: the test does no harm")
	}
}

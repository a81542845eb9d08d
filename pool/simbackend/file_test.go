package simbackend_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func reopen(t *testing.T, path string) *simbackend.Backend {
	t.Helper()
	b, err := simbackend.Open(path, simbackend.Options{Latency: simbackend.Instant})
	must(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

func TestAWorldOnFileOutlivesItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world")
	b := reopen(t, path)
	o := start(t, b, "ci-1")
	run(t, b, o, "", "write", "/mark", "hello")
	must(t, b.Delete(t.Context(), start(t, b, "ci-2")))
	b.AddUntagged("other")

	// No Close: the process was killed.
	b = reopen(t, path)
	if got := names(b); got != "ci-1:running other:running" {
		t.Errorf("found %s", got)
	}
	if _, text := run(t, b, o, "", "read", "/mark"); text != "hello\n" {
		t.Errorf("the file holds %q", text)
	}
	create(t, b, "ci-2")
	if len(b.Violations()) != 1 {
		t.Errorf("a name used before a restart is free again: %q", b.Violations())
	}
}

func TestAMakingThatWasKilledIsListedAndUnfinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world")
	synctest.Test(t, func(t *testing.T) {
		slow, err := simbackend.Open(path, simbackend.Options{})
		must(t, err)
		defer slow.Close()
		go slow.Create(t.Context(), order("ci-1"))
		synctest.Wait()
		b := reopen(t, path)
		if all := b.Instances(); len(all) != 1 || all[0].Template != pool.Building || all[0].Made {
			t.Errorf("while the template is built: %+v", all)
		}
		create(t, b, "ci-2") // takes the building over
		if all := b.Instances(); len(all) != 2 || all[1].Template != "simbusya" || !all[1].Made {
			t.Errorf("after it was taken over: %+v", all)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		slow, err := simbackend.Open(path, simbackend.Options{})
		must(t, err)
		defer slow.Close()
		go slow.Create(t.Context(), order("ci-1"))
		synctest.Wait()
		if all := reopen(t, path).Instances(); all[0].Name != "ci-1" || all[0].Made || all[0].Status != pool.Stopped {
			t.Errorf("while it is copied: %+v", all)
		}
	})
}

func TestHalfALineAtTheEndIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world")
	create(t, reopen(t, path), "ci-1")
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(whole, `{"put":{"na`...), 0o600))
	create(t, reopen(t, path), "ci-2")
	if got := names(reopen(t, path)); got != "ci-1:stopped ci-2:stopped" {
		t.Errorf("found %s", got)
	}
}

func TestAFileThatIsNoWorldIsRefusedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world")
	must(t, os.WriteFile(path, []byte("shopping list\n"), 0o600))
	if _, err := simbackend.Open(path, simbackend.Options{}); err == nil {
		t.Error("it was opened")
	}
	if text, _ := os.ReadFile(path); string(text) != "shopping list\n" {
		t.Errorf("it holds %q now", text)
	}
}

func TestWhatIsPastDoesNotMakeTheFileGrowForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world")
	b := reopen(t, path)
	o := start(t, b, "ci-1")
	for n := range 500 {
		run(t, b, o, "", "write", "/mark", fmt.Sprint(n))
	}
	must(t, b.Delete(t.Context(), start(t, b, "ci-2")))
	before, err := os.Stat(path)
	must(t, err)
	reopen(t, path)
	after, err := os.Stat(path)
	must(t, err)
	if after.Size()*50 > before.Size() {
		t.Errorf("%d bytes became %d", before.Size(), after.Size())
	}
	b = reopen(t, path)
	if _, text := run(t, b, o, "", "read", "/mark"); text != "499\n" || names(b) != "ci-1:running" {
		t.Errorf("found %q, %s", text, names(b))
	}
	create(t, b, "ci-2")
	if len(b.Violations()) != 1 {
		t.Errorf("a name used long ago is free again: %q", b.Violations())
	}
}

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// specOf returns the spec of a pool, nil when there is no such pool.
func (p *process) specOf(name pool.PoolName) *pool.Spec {
	p.t.Helper()
	status, err := p.client().Pool(p.t.Context(), name)
	if err != nil {
		return nil
	}
	return &status.Spec
}

func TestTheFileOfPoolsIsAppliedAtStartAndAtSIGHUP(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "pools.yaml")
	writeFile(t, file, "ci:\n  image: busybox\n  size: 1\nweb:\n  image: ubuntu:24.04\n")
	p := startDaemon(t, dir, "--pools", file)
	if s := p.specOf("ci"); s == nil || s.Size != 1 {
		t.Errorf("pool ci has %+v, want size 1", s)
	}
	if s := p.specOf("web"); s == nil {
		t.Error("there is no pool web")
	}

	writeFile(t, file, "ci:\n  image: busybox\n  size: 2\nnew:\n  image: busybox\n")
	p.signal(syscall.SIGHUP)
	all := p.await("READY=1")
	if first := all[0]; !strings.Contains(first, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("systemd was told %q, want RELOADING=1 first", all)
	}
	if s := p.specOf("ci"); s == nil || s.Size != 2 {
		t.Errorf("pool ci has %+v, want size 2", s)
	}
	if p.specOf("new") == nil {
		t.Error("there is no pool new")
	}
	if p.specOf("web") == nil {
		t.Error("pool web was deleted, though a file never deletes")
	}
}

func TestAFileOfPoolsThatCannotBeUsedChangesNothing(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "pools.yaml")
	writeFile(t, file, "ci:\n  image: busybox\n  size: 1\n")
	p := startDaemon(t, dir, "--pools", file)
	writeFile(t, file, "ci:\n  image: busybox\n  size: 3\nweb:\n  image: busybox\n  size: 9\n  max: 2\n")
	p.signal(syscall.SIGHUP)
	all := p.await("READY=1")
	if last := all[len(all)-1]; !strings.Contains(last, "is not applied: cannot use the file of pools") || !strings.Contains(last, "pool web") {
		t.Errorf("systemd was told %q", last)
	}
	if s := p.specOf("ci"); s == nil || s.Size != 1 {
		t.Errorf("pool ci has %+v, want size 1 as before", s)
	}
}

func TestAPoolThatLXDRefusesDoesNotKeepTheOthersFromBeingMade(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "pools.yaml")
	writeFile(t, file, "bad:\n  image: no-such-image\nci:\n  image: busybox\n")
	p := startDaemon(t, dir, "--pools", file)
	if p.specOf("ci") == nil || p.specOf("bad") != nil {
		t.Error("want pool ci and no pool bad")
	}
}

func TestADaemonDoesNotStartWithAFileOfPoolsThatIsWrong(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "pools.yaml")
	for text, want := range map[string]string{
		"ci:\n  size: 3\n": "pool ci: cannot make a pool without an image",
		"ci:\n  image: busybox\n  size: 3\n  max: 2\n": "raise max or lower size",
		"Ci:\n  image: busybox\n":                      "as the name of a pool",
		"ci:\n  image: busybox\n  sise: 3\n":           `a spec has no key "sise"`,
		"ci: [\n":                                      "cannot read the file of pools",
	} {
		writeFile(t, file, text)
		if said := refused(t, 1, newProcess(t, dir, "--pools", file)); !strings.Contains(said, want) {
			t.Errorf("%q: said %q, want %q", text, said, want)
		}
	}
	if said := refused(t, 1, newProcess(t, dir, "--pools", file+".missing")); !strings.Contains(said, "no such file") {
		t.Errorf("said %q", said)
	}
}

func TestPoolsOfTheFileAreMadeOnceLXDIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lxd := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
		m, err := pool.NewManager(t.Context(), pool.Options{Backend: lxd, Store: memstore.New("test")})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		a := newApplier(m, slog.New(slog.DiscardHandler))
		go a.run(ctx)

		lxd.SetAway(true)
		a.apply(poolSet{"ci": {Image: "busybox", Size: 1}})
		<-a.tried
		if _, err := m.Pool(ctx, "ci"); err == nil {
			t.Error("the pool is there, though LXD was away")
		}
		lxd.SetAway(false)
		time.Sleep(mostPause)
		synctest.Wait()
		if _, err := m.Pool(ctx, "ci"); err != nil {
			t.Errorf("LXD is back, but: %v", err)
		}
	})
}

func TestANewSetReplacesOneThatWaitsForLXD(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lxd := simbackend.New(simbackend.Options{Latency: simbackend.Instant})
		m, err := pool.NewManager(t.Context(), pool.Options{Backend: lxd, Store: memstore.New("test")})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		a := newApplier(m, slog.New(slog.DiscardHandler))
		go a.run(ctx)

		lxd.SetAway(true)
		a.apply(poolSet{"old": {Image: "busybox"}})
		<-a.tried
		lxd.SetAway(false)
		a.apply(poolSet{"new": {Image: "busybox"}})
		<-a.tried
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, err := m.Pool(ctx, "old"); err == nil {
			t.Error("pool old was made, though the file no longer has it")
		}
		if _, err := m.Pool(ctx, "new"); err != nil {
			t.Error(err)
		}
	})
}

package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	pebbled "github.com/canonical/pebble/client"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/charm/pebble"
	"github.com/lxd-pool/lxd-pool/pool"
)

// remote is the setup of a unit whose LXD is elsewhere.
var remote = charm.Setup{LXD: charm.LXDSetup{Remote: "https://lxd.example:8443"}}

func TestADaemonLivesInItsContainerFromInstallToRemove(t *testing.T) {
	for _, version := range []string{newest, ofJuju} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p := startPod(t, version)
			ctx := t.Context()
			if err := p.Install(ctx, remote); err != nil {
				t.Fatal(err)
			}
			if err := p.Stop(ctx); err != nil {
				t.Fatalf("one that was never configured cannot be stopped: %v", err)
			}

			p.configure(ci(2))
			lease := p.acquire()
			pid := p.pid()
			d := p.Daemon()
			defer d.Close()
			if v, err := d.Version(ctx); err != nil || v.Role != "operator" {
				t.Errorf("the charm is %+v to the daemon, %v", v, err)
			}

			p.configure(ci(3))
			if got, err := d.Pool(ctx, "ci"); err != nil || got.Spec.Size != 3 || p.pid() != pid {
				t.Errorf("the pool is %+v of process %d, was %d, %v", got, p.pid(), pid, err)
			}

			kept := p.config()
			bad := ci(4)
			bad.Listen = "192.0.2.1:8443"
			has(t, p.Configure(ctx, bad), pool.ErrInvalid, `cannot use listen="192.0.2.1:8443"`)
			if got, err := d.Pool(ctx, "ci"); err != nil || got.Spec.Size != 3 || p.pid() != pid || !bytes.Equal(p.config(), kept) {
				t.Errorf("after a refusal the pool is %+v, %v, and the configuration\n%s", got, err, p.config())
			}

			p.end() // and the layer is lost
			p.start()
			if _, err := d.Version(ctx); !errors.Is(err, pool.ErrUnreachable) {
				t.Errorf("Pebble runs a daemon by itself: %v", err)
			}
			p.configure(ci(3))
			if got, err := d.Lease(ctx, lease.ID); err != nil || got.Instance != lease.Instance {
				t.Errorf("the lease is %+v, %v, was %+v", got, err, lease)
			}

			if err := p.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			if left := p.instances(); len(left) > 0 || p.status() != pebbled.StatusInactive {
				t.Errorf("a stopped daemon is %s, and LXD has %v", p.status(), left)
			}
			if checks, err := p.pebble().Checks(&pebbled.ChecksOptions{}); err != nil || len(checks) != 1 || checks[0].Status != pebbled.CheckStatusInactive {
				t.Errorf("Pebble goes on with the checks %+v, %v", checks, err)
			}
			for range 2 {
				if err := p.Remove(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if left, err := os.ReadDir(p.at("/var/lib/lxd-pool/charm")); !os.IsNotExist(err) {
				t.Errorf("a removed workload leaves %v, %v", left, err)
			}
			if left, err := filepath.Glob(p.at("/charm/container/lxd-pool*")); err != nil || len(left) > 0 {
				t.Errorf("a removed workload leaves %v, %v", left, err)
			}
		})
	}
}

// The journals stay with the storage, and a unit that gets that goes on.
func TestADaemonThatWasStoppedCanBeConfiguredAgain(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	p.configure(ci(1))
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.configure(ci(1))
	p.acquire()
	if said, err := p.pebble().RefreshCheck(&pebbled.RefreshCheckOptions{Name: "lxd-poold"}); err != nil || said.Error != "" || said.Info.Status != pebbled.CheckStatusUp {
		t.Errorf("the check says %+v, %v", said, err)
	}
}

func TestADaemonThatWasKilledComesBack(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	p.configure(ci(1))
	lease, pid := p.acquire(), p.pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.configure(ci(1)) // which need not wait until Pebble does it
	d := p.Daemon()
	defer d.Close()
	if _, err := d.Lease(t.Context(), lease.ID); err != nil || p.pid() == pid {
		t.Errorf("process %d, was %d: %v", p.pid(), pid, err)
	}
}

// That is what there is between the start of a pod and that of its Pebble.
func TestAPebbleThatDoesNotAnswerIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := newPod(t, newest)
	for name := range verbs(&pebble.Workload{}) {
		verb := verbs(&pebble.Workload{Root: p.Root})[name]
		_, waits := errors.AsType[*charm.Pending](verb(t.Context()))
		if !waits {
			t.Errorf("%s does not wait", name)
		}
	}
}

// Pebble's client asks for five seconds where it may ask again, so that the
// verbs are tried all at once.
func TestAPebbleThatHangsIsNotWaitedForBeyondTheContext(t *testing.T) {
	t.Parallel()
	var group sync.WaitGroup
	defer group.Wait()
	for name := range verbs(&pebble.Workload{}) {
		p := newPod(t, newest)
		l, err := net.Listen("unix", p.at("/charm/container/pebble.socket"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			for range 2 { // the one that looks whether somebody listens, and the request
				conn, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { conn.Close() })
			}
		}()
		group.Go(func() {
			if err := verbs(p.Workload)[name](ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s ends with %v", name, err)
			}
		})
	}
}

// verbs are all that ask Pebble something.
func verbs(w *pebble.Workload) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Install":   func(ctx context.Context) error { return w.Install(ctx, remote) },
		"Put":       func(ctx context.Context) error { _, err := w.Put(ctx, "name", nil); return err },
		"Get":       func(ctx context.Context) error { _, err := w.Get(ctx, "name"); return err },
		"Configure": func(ctx context.Context) error { return w.Configure(ctx, ci(1)) },
		"Cluster":   func(ctx context.Context) error { _, err := w.Cluster(ctx); return err },
		"Stop":      w.Stop,
		"Remove":    w.Remove,
	}
}

func TestAnImageWithoutOurProgramsBlocks(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	for _, name := range []string{"/usr/bin/lxd-pool", "/usr/bin/lxd-poold"} {
		if err := os.Remove(p.at(name)); err != nil {
			t.Fatal(err)
		}
		blocked, ok := errors.AsType[*charm.Blocked](p.Install(t.Context(), remote))
		if !ok || blocked.Why != "the image of the container lxd-pool has no "+name || blocked.Next == "" {
			t.Errorf("the error is %+v", blocked)
		}
	}
}

func TestAUnitWithoutAnLXDElsewhereBlocks(t *testing.T) {
	blocked, ok := errors.AsType[*charm.Blocked](new(pebble.Workload).Install(t.Context(), charm.Setup{}))
	if !ok || blocked.Why != "there is no LXD in a container" || blocked.Next == "" {
		t.Errorf("the error is %+v", blocked)
	}
}

// One LXD is managed once, whatever its units know of each other.
func TestTheAddressOfItsLXDIsTheClusterOfAUnit(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	if got, err := p.Cluster(t.Context()); got != "" || err != nil {
		t.Errorf("before it is told the cluster is %q, %v", got, err)
	}
	if err := p.Install(t.Context(), remote); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Cluster(t.Context()); got != remote.LXD.Remote || err != nil {
		t.Errorf("the cluster is %q, %v", got, err)
	}
}

func TestAFileIsForRootAndWrittenWhenItDiffers(t *testing.T) {
	t.Parallel()
	p := startPod(t, newest)
	ctx := t.Context()
	if got, err := p.Get(ctx, "tls.key"); got != nil || err != nil {
		t.Errorf("what is not there is %q, %v", got, err)
	}
	path, err := p.Put(ctx, "tls.key", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(p.at(path))
	if err != nil || first.Mode() != 0o600 {
		t.Fatalf("the file is %v, %v", first, err)
	}
	if dir, err := os.Stat(p.at(filepath.Dir(path))); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("its directory is %v, %v", dir, err)
	}
	for _, text := range []string{"one", "two"} {
		if again, err := p.Put(ctx, "tls.key", []byte(text)); err != nil || again != path {
			t.Fatalf("put at %s, %v", again, err)
		}
		now, err := os.Stat(p.at(path))
		if err != nil || os.SameFile(first, now) != (text == "one") {
			t.Errorf("%s: the file is %v, was %v, %v", text, now, first, err)
		}
	}
	if got, err := p.Get(ctx, "tls.key"); string(got) != "two" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := p.Put(ctx, "empty", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Get(ctx, "empty"); got == nil || len(got) > 0 || err != nil {
		t.Errorf("an empty file is %v, %v", got, err)
	}
	for _, name := range []string{"", "..", ".", "a/b", "../state/x", "daemon.yaml"} {
		if _, err := p.Put(ctx, name, nil); !errors.Is(err, pool.ErrInvalid) {
			t.Errorf("Put(%q): %v", name, err)
		}
	}
}

package crash_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
	"github.com/lxd-pool/lxd-pool/tests/crash"
)

// buildFlags are those that the daemon is built with.
var buildFlags []string

// build builds the daemon.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "lxd-poold")
	args := append([]string{"build", "-o", program}, append(buildFlags, flags...)...)
	if out, err := exec.Command("go", append(args, "../../cmd/lxd-poold")...).CombinedOutput(); err != nil {
		t.Fatalf("cannot build the daemon: %v\n%s", err, out)
	}
	return program
}

// shortDir is a directory whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "crash")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// simulated is a campaign on a simulated LXD that outlives the daemon, twenty
// times as fast as a real one. One pool replaces its instances, one resets them.
func simulated(t *testing.T, program string, kills int) *crash.Campaign {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := shortDir(t)
	return &crash.Campaign{
		Daemon: &crash.Daemon{Program: program, Dir: dir, Flags: []string{
			"--backend", "sim", "--sim-latency", "0.05", "--sim-state", filepath.Join(dir, "world"), "--workers", "4",
		}},
		Pools: map[pool.PoolName]pool.Spec{
			"replaced": {Image: "busybox", Size: 5, Max: 14},
			"reset":    {Image: "busybox", Size: 5, Max: 14, Recycle: pool.ResetToSnapshot},
		},
		Holders: 8, Kills: kills, Between: 300 * time.Millisecond, Lingers: 10 * time.Millisecond,
		Seed: seed, Book: crash.NewBook(),
	}
}

const runFor = 5 * time.Minute

func TestKillingTheDaemonAHundredTimesBreaksNoPromise(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 15
	}
	c := simulated(t, build(t), kills)
	ctx, cancel := context.WithTimeout(t.Context(), runFor)
	defer cancel()
	known, err := c.Run(ctx)
	if err != nil {
		t.Fatalf("%v\nlog of the daemon:\n%s", err, c.Daemon.Log())
	}
	if err := c.Daemon.Stop(); err != nil {
		t.Errorf("the daemon ended badly: %v", err)
	}
	c.Book.CheckWorld(known, listWorld(t, c.Daemon.Dir))
	for _, fault := range c.Book.Faults() {
		t.Error(fault)
	}
	n := c.Book.Counts()
	t.Logf("%d kills: %+v", kills, n)
	if n.Grants < kills/2 {
		t.Errorf("only %d leases were granted in %d lives of the daemon; that shows nothing", n.Grants, kills)
	}
	if t.Failed() {
		t.Logf("log of the daemon:\n%s", c.Daemon.Log())
	}
}

// listWorld lists what is really there, once the daemon has ended.
func listWorld(t *testing.T, dir string) []pool.Seen {
	t.Helper()
	store, err := boltstore.Open(filepath.Join(dir, "state"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	world, err := simbackend.Open(filepath.Join(dir, "world"), simbackend.Options{Latency: simbackend.Instant})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	for _, in := range world.Instances() {
		if in.Manager != store.Manager() || !in.Made || in.Wedged {
			t.Errorf("left over: %+v", in)
		}
	}
	seen, err := world.List(t.Context(), store.Manager())
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

package crash_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/boltstore"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
	"github.com/lxd-pool/lxd-pool/tests/crash"
)

// lxdDir is the directory of the real LXD. Without one the test is skipped, and
// fails where the whole suite must run.
func lxdDir(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.Getenv("LXD_DIR"), "/var/snap/lxd/common/lxd", "/var/lib/lxd"} {
		if dir == "" {
			continue
		}
		if conn, err := net.Dial("unix", filepath.Join(dir, "unix.socket")); err == nil {
			conn.Close()
			return dir
		}
	}
	const why = `there is no LXD here; "make test" brings one up`
	if os.Getenv("CI") != "" || os.Getenv("LXD_POOL_TEST_LXD") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

func TestKillingTheDaemonTenTimesOnRealLXDBreaksNoPromise(t *testing.T) {
	lxd := lxdDir(t)
	kills := 10
	if testing.Short() {
		kills = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &crash.Campaign{
		Daemon: &crash.Daemon{Program: build(t), Dir: shortDir(t), Flags: []string{"--lxd", lxd}},
		Pools: map[pool.PoolName]pool.Spec{
			"crash-replaced": {Image: "lxd-pool/busybox", Size: 1, Max: 4},
			"crash-reset":    {Image: "lxd-pool/busybox", Size: 1, Max: 4, Recycle: pool.ResetToSnapshot},
		},
		Holders: 3, Kills: kills, Between: 4 * time.Second, Lingers: 300 * time.Millisecond,
		Seed: seed, Book: crash.NewBook(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*runFor)
	defer cancel()
	known, err := c.Run(ctx)
	if err != nil {
		t.Errorf("%v\nlog of the daemon:\n%s", err, c.Daemon.Log())
	}
	if err := c.Daemon.Stop(); err != nil {
		t.Errorf("the daemon ended badly: %v", err)
	}
	if err == nil {
		c.Book.CheckWorld(known, listLXD(t, c.Daemon.Dir, lxd))
	}
	for _, fault := range c.Book.Faults() {
		t.Error(fault)
	}
	t.Logf("%d kills: %+v", kills, c.Book.Counts())
	if c.Book.Counts().Grants == 0 {
		t.Error("no lease was granted; that shows nothing")
	}
	cleanUp(t, c)
	if left := listLXD(t, c.Daemon.Dir, lxd); len(left) > 0 {
		t.Errorf("left in LXD after the pools were deleted: %+v", left)
	}
	if t.Failed() {
		t.Logf("log of the daemon:\n%s", c.Daemon.Log())
	}
}

// listLXD lists what the daemon's manager has in LXD, once the daemon has ended.
func listLXD(t *testing.T, dir, lxd string) []pool.Seen {
	t.Helper()
	store, err := boltstore.Open(filepath.Join(dir, "state"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	b, err := lxdbackend.Open(t.Context(), lxdbackend.Options{Dir: lxd})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	seen, err := b.List(t.Context(), store.Manager())
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// cleanUp deletes the pools, with whatever is leased.
func cleanUp(t *testing.T, c *crash.Campaign) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runFor)
	defer cancel()
	if err := c.Daemon.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Daemon.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	for name := range c.Pools {
		if err := c.Daemon.Client().DeletePool(ctx, name, true); err != nil {
			t.Error(err)
		}
	}
	if err := c.Daemon.Stop(); err != nil {
		t.Errorf("the daemon ended badly: %v", err)
	}
}

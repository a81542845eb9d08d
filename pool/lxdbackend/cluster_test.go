package lxdbackend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	client "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/lxdbackend"
)

// clusterDir starts a cluster of m1, m2 and m3 for all tests of this process. It
// ends with the process.
var clusterDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return "", err
	}
	up := exec.Command("../../tests/lib/cluster-up", "--until", strconv.Itoa(os.Getpid()), dir)
	if out, err := up.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// clustered is the manager of all tests on the cluster, so that templates are
// built once. They end with it.
var clustered = pool.NewManagerID()

// cluster is a room on a cluster.
type cluster struct {
	*room
	dir string
	lxc lxc
}

func onCluster(t *testing.T) *cluster {
	t.Helper()
	open(t)
	dir, err := clusterDir()
	if err != nil {
		t.Fatal("cannot start a cluster: ", err)
	}
	server, err := client.ConnectLXDUnix(filepath.Join(dir, "m1", "lxd", "unix.socket"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{&room{TB: t, manager: clustered, pool: "clustered"}, dir, lxc{t, server}}
	c.b = c.via("m1").b
	return c
}

// via is the room as another member shows it.
func (c *cluster) via(member string) *room {
	c.Helper()
	b, err := lxdbackend.Open(context.Background(), lxdbackend.Options{Dir: filepath.Join(c.dir, member, "lxd")})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { b.Close() })
	r := *c.room
	r.b = b
	return &r
}

func (c *cluster) isOn(o pool.Order, member string, status pool.Status) {
	c.Helper()
	if seen := c.seen(o); seen.Place.Location != member || seen.Status != status {
		c.Fatalf("%s is %s on %q, not %s on %s", o.Instance, seen.Status, seen.Place.Location, status, member)
	}
}

// await asks until it is so, without a pause: LXD takes its time to answer.
func (c *cluster) await(what string, so func() bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	for !so() {
		if ctx.Err() != nil {
			c.Fatal(what, " never came about")
		}
	}
}

// down kills the LXD of a member; up lets it come back.
func (c *cluster) down(member string) {
	c.Helper()
	c.must(os.WriteFile(filepath.Join(c.dir, member, "off"), nil, 0o644))
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	want := []byte("lxd\x00--group\x00lxd\x00--logfile\x00" + filepath.Join(c.dir, member, "lxd.log") + "\x00")
	for _, file := range commands {
		if line, err := os.ReadFile(file); err == nil && bytes.Equal(line, want) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			c.must(err)
			c.must(syscall.Kill(pid, syscall.SIGKILL))
			return
		}
	}
	c.Fatal("the LXD of ", member, " does not run")
}

func (c *cluster) up(member string) {
	c.Helper()
	c.must(os.Remove(filepath.Join(c.dir, member, "off")))
	c.await(member, func() bool { return c.status(member) == "Online" })
}

func (c *cluster) status(member string) string {
	m, _, err := c.lxc.server.GetClusterMember(member)
	if err != nil {
		return err.Error()
	}
	return m.Status
}

func TestAnInstanceMovesBetweenClusterMembersWithFilesSnapshotsAndAddresses(t *testing.T) {
	c := onCluster(t)
	o := c.order(busybox, "target=m1")
	c.create(o)
	before := c.start(o)
	c.run(o, tree)
	wrote := c.run(o, leaves)
	_, err := c.b.CreateSnapshot(t.Context(), o, "mine")
	c.must(err)

	m := pool.Moving{From: before, To: pool.Place{Location: "m2"}}
	for member, kind := range map[string]error{"m1": pool.ErrInvalid, "nobody": pool.ErrNotFound} {
		if _, err := c.b.VetMove(t.Context(), o, pool.Moving{From: before, To: pool.Place{Location: member}}); !errors.Is(err, kind) {
			t.Errorf("to %s: %v", member, err)
		}
	}
	m.Status, err = c.b.VetMove(t.Context(), o, m)
	c.must(err)
	place, err := c.b.Move(t.Context(), o, m)
	c.must(err)
	c.isOn(o, "m2", pool.Running)
	if place.Location != "m2" || len(place.Addresses) != 1 {
		t.Errorf("it says that it is at %+v", place)
	}
	for _, member := range []string{"m1", "m2", "m3"} { // every member reaches it
		if got := c.via(member).run(o, leaves); got != wrote {
			t.Errorf("by way of %s it has\n%s\nof\n%s", member, got, wrote)
		}
	}
	if list, err := c.b.Snapshots(t.Context(), o); err != nil || len(list) != 1 || list[0].Name != "mine" {
		t.Errorf("its snapshots are %+v, %v", list, err)
	}
	if in := c.lxc.get(o.Instance); in.Config["user.lxd-pool.moving"] != "" {
		t.Error("it is still marked as being moved")
	}
	c.must(c.via("m3").b.Delete(t.Context(), o))
	c.is(o, "")
}

func TestAMoveBetweenMembersThatIsGivenUpEndsWhereItBegan(t *testing.T) {
	c := onCluster(t)
	o := c.order(busybox, "target=m1")
	c.create(o)
	m := pool.Moving{From: c.start(o), To: pool.Place{Location: "m3"}, Status: pool.Running}
	ctx, cancel := context.WithCancel(t.Context())
	ctx = pool.WithProgress(ctx, func(at pool.Progress) {
		if strings.HasPrefix(at.Stage, "moving") {
			go func() {
				defer cancel()
				for ctx.Err() == nil { // until LXD is about to
					in, _, err := c.lxc.server.GetInstance(string(o.Instance))
					if err != nil || in.Config["user.lxd-pool.moving"] != "" {
						return
					}
				}
			}()
		}
	})
	if _, err := c.b.Move(ctx, o, m); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	place, err := c.b.Settle(t.Context(), o, m)
	c.must(err)
	c.isOn(o, "m1", pool.Running)
	if place.Location != "m1" || len(place.Addresses) != 1 {
		t.Errorf("it says that it is at %+v", place)
	}
}

func TestWhatLXDLeftHalfMovedIsPutTogether(t *testing.T) {
	c := onCluster(t)
	o := c.order(busybox, "target=m1")
	c.create(o)
	m := pool.Moving{From: pool.Place{Location: "m1"}, To: pool.Place{Location: "m2"}, Status: pool.Stopped}

	// LXD died after it had deleted the one, and before it had renamed the copy.
	c.lxc.set(o.Instance, map[string]string{"user.lxd-pool.moving": string(o.Instance)})
	c.lxc.ask(http.MethodPost, where(o.Instance, ""), api.InstancePost{Name: "move-of-one"})
	list, err := c.b.List(t.Context(), c.manager)
	c.must(err)
	if !slices.ContainsFunc(list, func(s pool.Seen) bool { return s.Name == "move-of-one" && s.Of == o.Instance }) {
		t.Errorf("listed are %+v", list)
	}
	_, err = c.b.Settle(t.Context(), o, m)
	c.must(err)
	c.isOn(o, "m1", pool.Stopped)

	// LXD died while it copied.
	c.lxc.set(o.Instance, map[string]string{"user.lxd-pool.moving": string(o.Instance)})
	c.lxc.ask(http.MethodPost, "/1.0/instances?target=m2", map[string]any{"name": "move-of-two", "source": map[string]any{"type": "none"},
		"config": map[string]string{"user.lxd-pool.moving": string(o.Instance), "user.lxd-pool.manager": string(c.manager), "user.lxd-pool.pool": "clustered"}})
	_, err = c.b.Settle(t.Context(), o, m)
	c.must(err)
	c.isOn(o, "m1", pool.Stopped)
	if _, _, err := c.lxc.server.GetInstance("move-of-two"); !api.StatusErrorCheck(err, http.StatusNotFound) {
		t.Error("the copy is still there: ", err)
	}
	if in := c.lxc.get(o.Instance); in.Config["user.lxd-pool.moving"] != "" {
		t.Error("it is still marked as being moved")
	}
}

func TestInstancesAreMadeOnTheMemberOrTheGroupOfTheirPool(t *testing.T) {
	c := onCluster(t)
	c.must(c.lxc.server.CreateClusterGroup(api.ClusterGroupsPost{Name: "pair", ClusterGroupPut: api.ClusterGroupPut{Members: []string{"m3"}}}))
	t.Cleanup(func() {
		c.lxc.ask(http.MethodPut, "/1.0/cluster/groups/pair", api.ClusterGroupPut{})
		c.must(c.lxc.server.DeleteClusterGroup("pair"))
	})
	for target, member := range map[string]string{"m2": "m2", "@pair": "m3"} {
		o := c.order(busybox, "target="+target)
		c.create(o)
		if place := c.start(o); place.Location != member {
			t.Errorf("with target=%s it is on %s", target, place.Location)
		}
	}
	for _, target := range []string{"m9", "@nobody"} {
		if _, err := c.b.Vet(t.Context(), c.order(busybox, "target="+target)); !errors.Is(err, pool.ErrRejected) {
			t.Errorf("with target=%s: %v", target, err)
		}
	}
}

func TestAMemberThatIsAwayHidesItsInstancesAndIsNoPlaceToGo(t *testing.T) {
	c := onCluster(t)
	there, here := c.order(busybox, "target=m3"), c.order(busybox, "target=m1")
	there.Instance = pool.InstanceName("clustered-" + string(c.manager)[:4] + "-1") // as the engine names them
	c.create(there)
	c.start(there)
	c.create(here)
	c.down("m3")
	t.Cleanup(func() { os.Remove(filepath.Join(c.dir, "m3", "off")) })
	m := pool.Moving{From: pool.Place{Location: "m1"}, To: pool.Place{Location: "m3"}}
	c.await("that it is noticed", func() bool { return c.status("m3") != "Online" })
	if _, err := c.b.VetMove(t.Context(), here, m); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "offline") {
		t.Errorf("to go there: %v", err)
	}
	c.is(there, pool.Unknown)
	if err := c.b.Delete(t.Context(), there); !errors.Is(err, pool.ErrUnavailable) {
		t.Errorf("to delete what is there: %v", err)
	}
	c.create(c.order(busybox, "target=m2"))
	c.up("m3")
	c.isOn(there, "m3", pool.Running) // all the time
}

func TestAnEvacuatedMemberIsNoPlaceToGoAndKeepsItsInstancesStopped(t *testing.T) {
	c := onCluster(t)
	there, here := c.order(busybox, "target=m2"), c.order(busybox, "target=m1")
	c.create(there)
	c.start(there)
	c.create(here)
	c.lxc.ask(http.MethodPost, "/1.0/cluster/members/m2/state", map[string]string{"action": "evacuate"})
	restore := sync.OnceFunc(func() {
		c.lxc.ask(http.MethodPost, "/1.0/cluster/members/m2/state", map[string]string{"action": "restore"})
	})
	t.Cleanup(restore)
	c.isOn(there, "m2", pool.Stopped)
	m := pool.Moving{From: pool.Place{Location: "m1"}, To: pool.Place{Location: "m2"}}
	if _, err := c.b.VetMove(t.Context(), here, m); !errors.Is(err, pool.ErrRejected) || !strings.Contains(err.Error(), "evacuated") {
		t.Errorf("to go there: %v", err)
	}
	// What is on it can still be moved away.
	_, err := c.b.Move(t.Context(), there, pool.Moving{From: pool.Place{Location: "m2"}, To: pool.Place{Location: "m3"}, Status: pool.Stopped})
	c.must(err)
	c.isOn(there, "m3", pool.Stopped)
	restore()
	c.isOn(there, "m3", pool.Stopped)
}

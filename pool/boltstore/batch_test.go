package boltstore_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// batch is a commit of n leased instances from the number first on, and of the
// pool's record.
func batch(first, n int) *pool.Batch {
	now := time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)
	b := &pool.Batch{
		Record:    &pool.Record{Spec: pool.Spec{Image: "busybox"}, Created: now, Serial: uint64(first + n), Alive: now},
		Instances: make(map[pool.InstanceName]*pool.Instance, n),
		Leases:    make(map[pool.LeaseID]*pool.Lease, n),
	}
	for i := first; i < first+n; i++ {
		name, id := pool.InstanceName(fmt.Sprintf("ci-x7k-%d", i)), pool.LeaseID(fmt.Sprintf("ci.%010d", i*7919%100003))
		b.Instances[name] = &pool.Instance{
			Name: name, State: pool.Leased, Since: now, Created: now, Origin: "0123456789abcdef", Spec: "89abcdef", Fence: 3, Lease: id,
			Place: pool.Place{Project: "default", Location: "none", Addresses: []pool.Address{{Family: "inet", Address: "10.1.2.3", Interface: "eth0"}}},
		}
		b.Leases[id] = &pool.Lease{
			ID: id, Pool: "ci", Instance: name, Holder: "user:alice", Purpose: "build 4711", Created: now,
			Expires: now.Add(time.Hour), Fence: 3, Secrets: [][]byte{make([]byte, 32)},
		}
	}
	return b
}

// aside runs a test that uses [full] in a process of its own, and reports
// whether it did: the limit is on all that a process writes, and the go tool has
// every test write a log.
func aside(t *testing.T) bool {
	t.Helper()
	const alone = "LXD_POOL_TEST_ASIDE"
	if os.Getenv(alone) != "" {
		return false
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), alone+"=1")
	if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

// full runs do while no file can grow or be written beyond 8 KiB, as on a disk
// without space.
func full(t *testing.T, do func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 8192, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
	do()
}

package pool_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/memstore"
	"github.com/lxd-pool/lxd-pool/pool/simbackend"
)

// An embedded pool. For real instances take lxdbackend in place of simbackend,
// and boltstore in place of memstore.
func ExampleOpen() {
	ctx := context.Background()
	p, err := pool.Open(ctx, "ci", pool.Spec{Image: "ubuntu:24.04", Size: 2}, pool.Options{
		Backend: simbackend.New(simbackend.Options{Latency: simbackend.Instant}), Store: memstore.New("me"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	leases, err := p.Acquire(ctx, pool.AcquireRequest{Holder: "user:me", Wait: pool.WaitForever})
	if err != nil {
		log.Fatal(err)
	}
	status, err := p.Exec(ctx, leases[0].Lease.ID, pool.Command{Args: []string{"echo", "hello"}, Stdout: os.Stdout})
	fmt.Println(status, err, p.Release(ctx, leases[0].Lease.ID))
	// Output:
	// hello
	// 0 <nil> <nil>
}

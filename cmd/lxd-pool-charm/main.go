// lxd-pool-charm is the charm of lxd-pool for machines: the one program that
// Juju runs for every event, as "dispatch".
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/machine"
)

// patience is how long one event waits for instances that are on their way. Tests
// on slow machines set another.
func patience() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("LXD_POOL_CHARM_PATIENCE")); err == nil {
		return d
	}
	return time.Minute
}

func main() {
	c := &charm.Charm{
		Event: hooktool.ThisEvent(), Patience: patience(),
		Workload: &machine.Workload{Root: os.Getenv("LXD_POOL_CHARM_ROOT")},
	}
	if err := c.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// lxd-pool-k8s-charm is the charm of lxd-pool for Kubernetes: the one program
// that Juju runs for every event, as "dispatch".
//
// It links the client of Pebble. The program as a whole is therefore under the
// GPL-3.0, see README.md; this file is under the licence of the project.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/charm/hooktool"
	"github.com/lxd-pool/lxd-pool/charm/pebble"
)

// patience is how long one event waits for instances that are on their way.
const patience = time.Minute

func main() {
	c := &charm.Charm{
		Event: hooktool.ThisEvent(), Patience: patience,
		Workload: &pebble.Workload{Root: os.Getenv("LXD_POOL_CHARM_ROOT")},
	}
	if err := c.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

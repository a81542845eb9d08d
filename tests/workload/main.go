// workload does what the charm does with the machine that it is on, step by
// step, for a test in which the charm itself does not run:
//
//	workload install FILE.snap | configure KEY=VALUE... | put NAME TEXT | get NAME | cluster | stop | remove
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/lxd-pool/lxd-pool/charm"
	"github.com/lxd-pool/lxd-pool/charm/machine"
	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func main() {
	said, err := run(context.Background(), &machine.Workload{}, os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%T: %v\n", err, err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func run(ctx context.Context, w *machine.Workload, args []string) (string, error) {
	switch args[0] {
	case "install":
		return "", w.Install(ctx, charm.Setup{Channel: "latest/stable", Snap: args[1]})
	case "configure":
		spec := pool.Spec{}
		for _, each := range args[1:] {
			key, value, _ := strings.Cut(each, "=")
			if err := spec.Set(key, value); err != nil {
				return "", err
			}
		}
		return "", w.Configure(ctx, &api.Configuration{Pools: map[pool.PoolName]pool.Spec{pool.SnapPool: spec}})
	case "put":
		return w.Put(ctx, args[1], []byte(args[2]))
	case "get":
		text, err := w.Get(ctx, args[1])
		return string(text), err
	case "cluster":
		return w.Cluster(ctx)
	case "stop":
		return "", w.Stop(ctx)
	case "remove":
		return "", w.Remove(ctx)
	}
	return "", fmt.Errorf("cannot %s: there is no such step", args[0])
}

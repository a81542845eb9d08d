// lxd-pool makes pools of ready LXD instances and leases them. It talks to
// lxd-poold over its socket.
package main

import (
	"os"
)

// version is set when the program is built: -ldflags "-X main.version=...".
var version string

func main() {
	c := &cli{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(c.run(os.Args[1:]))
}

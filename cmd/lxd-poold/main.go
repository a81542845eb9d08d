// lxd-poold keeps pools of ready LXD instances and leases them over a socket.
package main

import (
	"fmt"
	"os"

	versions "github.com/lxd-pool/lxd-pool/cmd/internal/version"
)

// version is set when the program is built: -ldflags "-X main.version=...".
var version string

func main() {
	os.Exit(run(os.Args[1:], os.LookupEnv))
}

// run returns the exit status: 0 after it was told to end, 1 when it cannot
// serve, 2 when it cannot understand its command line or environment.
func run(args []string, env func(string) (string, bool)) int {
	o, err := parse(args, env)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "Error: "+oneLine(err))
		return 2
	case o.help:
		fmt.Print(helpText(o))
		return 0
	case o.version:
		fmt.Println("lxd-poold " + versions.Text(version))
		return 0
	}
	o.level.Set(o.logLevel.Level)
	log := newLogger(os.Stderr, o.logFormat, o.level)
	do := serve
	if o.deleteAll {
		do = deleteAll
	}
	if err := do(o, log); err != nil {
		sayFatal(log, o.logFormat, err)
		return 1
	}
	return 0
}

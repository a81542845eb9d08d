// The hooks of the snap, one program for all of them: snapd runs it under the
// name of the hook. It talks to snapd with snapctl and to the daemon over its
// socket, and has no part of the daemon in it.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hooks says what is done under each name, and how long it may take at most.
// snapd's own limits are longer, and what it does then is worse.
var hooks = map[string]struct {
	run    func(context.Context, *snap) error
	within time.Duration
}{
	"install":             {install, time.Minute},
	"default-configure":   {install, time.Minute}, // where snapd has it: after defaults that a device brings
	"configure":           {configure, 4 * time.Minute},
	"connect-plug-lxd":    {connected, time.Minute},
	"disconnect-plug-lxd": {disconnected, time.Minute},
	"pre-refresh":         {preRefresh, time.Minute},
	"post-refresh":        {postRefresh, time.Minute},
	"check-health":        {checkHealth, time.Minute},
	"remove":              {remove, 3 * time.Minute},
}

func main() {
	os.Exit(run(filepath.Base(os.Args[0]), os.Args[1:]))
}

// run returns the exit status. A hook that fails says why on one line, since
// snapd shows it as part of one.
func run(name string, args []string) int {
	hook, ok := hooks[name]
	switch {
	case !ok && len(args) == 1 && args[0] == "list":
		fmt.Println(strings.Join(slices.Sorted(maps.Keys(hooks)), "\n"))
		return 0
	case !ok:
		fmt.Fprintf(os.Stderr, "cannot run the hook %q: there is none of that name\n", name)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), hook.within)
	defer cancel()
	if err := hook.run(ctx, thisSnap()); err != nil {
		fmt.Fprintln(os.Stderr, strings.Join(strings.Fields(err.Error()), " "))
		return 1
	}
	return 0
}

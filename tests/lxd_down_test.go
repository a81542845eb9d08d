package tests

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A pool that still runs deletes instances while lxd-down does: "gone" is in the
// list and no longer there, "stuck" cannot be deleted.
const lxcWhereInstancesGo = `#!/bin/sh
case "$*" in
list*) echo gone,default; [ ! -e "$0.stuck" ] || echo stuck,default ;;
delete*) echo "Error: Instance not found" >&2; exit 1 ;;
"query /1.0/instances/gone"*) echo "Error: Instance not found" >&2; exit 1 ;;
"query /1.0/projects"*) echo '["/1.0/projects/default"]' ;;
esac
`

func TestLXDDownToleratesAnInstanceThatIsGoneMeanwhile(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("lxd-down runs as root; run the tests as root")
		}
		t.Skip("lxd-down runs as root")
	}
	for _, test := range []struct {
		name  string
		stuck bool
	}{{"gone", false}, {"still there", true}} {
		t.Run(test.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "down") // a short name, for the socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			files := map[string]string{"lxc": lxcWhereInstancesGo, "record": "storage default\n"}
			if test.stuck {
				files["lxc.stuck"] = ""
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			socket, err := net.Listen("unix", filepath.Join(dir, "unix.socket"))
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			down := exec.Command("lib/lxd-down", "--force")
			down.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "LXD_DIR="+dir, "LXD_POOL_SETUP_DIR="+dir)
			out, err := down.CombinedOutput()
			if (err != nil) != test.stuck || !strings.Contains(string(out), "deleting instance gone") {
				t.Errorf("it ended with %v:\n%s", err, out)
			}
		})
	}
}

package lxdbackend

import (
	"context"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// runSetup keeps the script in a file, so that one with an interpreter of its
// own ("#!/bin/bash") gets it, and any size fits. Nobody else may read the file;
// what the script makes has the usual modes.
const runSetup = `umask 077
file=/root/.lxd-pool-setup
mkdir -p /root && cat >"$file" && chmod 700 "$file" || exit
umask 022
cd /root && "$file" </dev/null
status=$?
rm -f "$file"
exit $status`

// setUp runs the spec's setup script in a template that runs, or sees to it that
// cloud-init did what the setup says.
func (b *Backend) setUp(ctx context.Context, o pool.Order) error {
	setup := o.Spec.Setup
	switch {
	case setup == "":
		return nil
	case forCloudInit(setup):
		return b.cloudInitDid(ctx, o)
	}
	pool.Report(ctx, pool.Progress{Stage: "running its setup script"})
	output := &tail{limit: 2000}
	status, err := b.Exec(ctx, o, pool.Command{
		Args: []string{"/bin/sh", "-c", runSetup}, Stdin: strings.NewReader(setup), Stdout: output, Stderr: output,
	})
	if err == nil && status != 0 {
		err = badSetup(o, "its setup script ended with status %d: %s", status, output.line())
	}
	return err
}

func badSetup(o pool.Order, why string, args ...any) error {
	args = append([]any{o.Pool}, args...)
	return pool.Errorf(pool.ErrFailed, `change it with "lxd-pool edit `+string(o.Pool)+`"`, "cannot build the template of pool %s: "+why, args...)
}

// forCloudInit tells user-data for cloud-init from a script that anything runs.
func forCloudInit(setup string) bool { return strings.HasPrefix(setup, "#cloud-config") }

// userData are the config keys that cloud-init takes its user-data from. Images
// read one or the other.
var userData = []string{"user.user-data", "cloud-init.user-data"}

// giveUserData has cloud-init find the setup at the template's first start.
func giveUserData(config map[string]string, o pool.Order, known *facts) {
	for _, key := range userData {
		if key == userData[0] || known.has("cloud_init") {
			config[key] = o.Spec.Setup
		}
	}
}

// withoutUserData returns the changes of config after which members have what the
// spec says of user-data, and cloud-init does the setup in no member again.
func withoutUserData(o pool.Order) map[string]string {
	changes := map[string]string{}
	for _, key := range userData {
		changes[key] = o.Spec.Config[key]
	}
	return changes
}

// cloudSetupLimit is how long cloud-init may take for a setup, which may install
// much; the time of a start is for instances without one.
const cloudSetupLimit = 15 * time.Minute

// cloudDone looks whether cloud-init is there and took the setup; usableScript
// has waited for its end.
const cloudDone = `command -v cloud-init >/dev/null 2>&1 || exit 20
[ -s /var/lib/cloud/instance/user-data.txt ] || exit 21`

func (b *Backend) cloudInitDid(ctx context.Context, o pool.Order) error {
	status, err := b.script(ctx, o, cloudDone)
	switch {
	case err != nil:
		return err
	case status == 20:
		return badSetup(o, "its setup is for cloud-init, which its image does not have")
	case status != 0:
		return badSetup(o, "cloud-init in its image did not take the setup")
	}
	return nil
}

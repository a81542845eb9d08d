package lxdbackend

import (
	"context"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// runSetup keeps the script in a file, so that one with an interpreter of its
// own ("#!/bin/bash") gets it, and any size fits.
const runSetup = `umask 077
file=/root/.lxd-pool-setup
mkdir -p /root && cat >"$file" && chmod 700 "$file" || exit
cd /root && "$file" </dev/null
status=$?
rm -f "$file"
exit $status`

// setUp runs the spec's setup script in a template that runs.
func (b *Backend) setUp(ctx context.Context, o pool.Order) error {
	if o.Spec.Setup == "" {
		return nil
	}
	output := &tail{limit: 2000}
	status, err := b.Exec(ctx, o, pool.Command{
		Args: []string{"/bin/sh", "-c", runSetup}, Stdin: strings.NewReader(o.Spec.Setup), Stdout: output, Stderr: output,
	})
	if err != nil {
		return err
	}
	if status != 0 {
		return pool.Errorf(pool.ErrFailed, `change it with "lxd-pool edit `+string(o.Pool)+`"`,
			"cannot build the template of pool %s: its setup script ended with status %d: %s", o.Pool, status, output.line())
	}
	return nil
}

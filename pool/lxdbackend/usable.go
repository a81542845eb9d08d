package lxdbackend

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// usableScript waits inside the instance: one command that blocks costs LXD
// far less than asking it again and again.
//
//go:embed usable.sh
var usableScript string

// What usableScript ends with.
const (
	usable = 0
	// noAddress and the others say what was missing.
	noAddress   = 11
	noCloudInit = 12
	noSystemd   = 13
	noProbe     = 14
	// noAnswer: the script did not end, or could not begin.
	noAnswer = -1
)

// explainScript tells, in a few lines, why an instance is not usable.
const explainScript = `case $1 in
11) ip -brief address 2>/dev/null || ifconfig 2>/dev/null || cat /proc/net/route ;;
12) cloud-init status --long; tail -n 5 /var/log/cloud-init-output.log ;;
13) systemctl is-system-running; systemctl list-jobs --no-legend | head -n 2; systemctl --failed --no-legend | head -n 2 ;;
14) sh -c "$2"; echo "status $?" ;;
esac 2>&1`

const (
	// grace is given to usableScript beyond its own limit.
	grace = 5 * time.Second
	// explainLimit bounds the search for a reason after the time is over.
	explainLimit = 10 * time.Second
)

// awaitUsable returns when the running instance has its address, its cloud-init
// and its probe, or says what is missing at the deadline.
func (b *Backend) awaitUsable(ctx context.Context, o pool.Order, in *api.Instance, probe string, deadline time.Time) error {
	seconds := max(1, int(time.Until(deadline).Seconds()))
	bounded, cancel := context.WithDeadline(ctx, deadline.Add(grace))
	defer cancel()
	status, err := b.script(bounded, o, usableScript, strconv.Itoa(seconds), cardsOf(in), probe)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && status == usable:
		return nil
	case away(err) && bounded.Err() == nil:
		return err
	case err != nil:
		status = noAnswer
	}
	return b.unusable(ctx, o, status, probe, err)
}

// cardsOf is what usableScript takes as its second argument.
func cardsOf(in *api.Instance) string {
	if !hasNIC(in) {
		return ""
	}
	if list := macs(in); len(list) > 0 {
		return strings.Join(list, " ")
	}
	return "any"
}

// lacks puts what usableScript ends with into words, with the next step.
var lacks = map[int]struct{ said, next string }{
	noAddress:   {"no global address on its network card", "check DHCP on its network, or leave the network card out of the pool"},
	noCloudInit: {"cloud-init failed", "look at the pool's setup, if it is for cloud-init, and its cloud-init config"},
	noSystemd:   {"systemd did not finish starting", "raise ready-timeout if it is only slow"},
	noProbe:     {"its probe did not succeed", "raise ready-timeout if it is only slow"},
}

// unusable tells what usableScript reported, or why it could not.
func (b *Backend) unusable(ctx context.Context, o pool.Order, status int, probe string, cause error) error {
	in, err := b.look(ctx, o)
	if err != nil {
		return err
	}
	if statusOf(in) != pool.Running {
		return pool.Errorf(pool.ErrFailed, "", "cannot use instance %s: it did not keep running; the end of its log: %s", o.Instance, b.logEnd(ctx, o))
	}
	if lack, ok := lacks[status]; ok {
		return pool.Errorf(pool.ErrFailed, lack.next, "cannot use instance %s: %s within %s: %s",
			o.Instance, lack.said, o.Spec.ReadyTimeout, b.explain(ctx, o, status, probe))
	}
	if away(cause) {
		return pool.Errorf(pool.ErrFailed, "run them by hand to see", "cannot use instance %s: its boot or its probe did not end within %s",
			o.Instance, o.Spec.ReadyTimeout)
	}
	if cause == nil {
		cause = fmt.Errorf("waiting in it ended with status %d", status)
	}
	return pool.Errorf(pool.ErrFailed, "an image needs /bin/sh", "cannot use instance %s: no command runs in it: %w", o.Instance, cause)
}

// explain runs explainScript, which is for an error's text and has none of its own.
func (b *Backend) explain(ctx context.Context, o pool.Order, status int, probe string) string {
	ctx, cancel := context.WithTimeout(ctx, explainLimit)
	defer cancel()
	output := &tail{limit: 2000}
	args := []string{"/bin/sh", "-c", explainScript, "explain", strconv.Itoa(status), probe}
	if _, err := b.Exec(ctx, o, pool.Command{Args: args, Stdout: output, Stderr: output}); err != nil {
		return "cannot look inside: " + err.Error()
	}
	return output.line()
}

// probeScript is what a ready instance is asked now and then.
const probeScript = `case $1 in
'')
	case $(readlink -f /sbin/init 2>/dev/null) in */systemd) ;; *) exit 0 ;; esac
	case $(systemctl is-system-running 2>/dev/null) in running|degraded) exit 0 ;; esac
	exit 13
	;;
*) sh -c "$1" >/dev/null 2>&1 </dev/null || exit 14 ;;
esac`

// probeLimit is how long a probe may take in an instance that is ready.
const probeLimit = 15 * time.Second

// probeOnce asks a running instance whether it is well.
func (b *Backend) probeOnce(ctx context.Context, o pool.Order) error {
	bounded, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	status, err := b.script(bounded, o, probeScript, o.Spec.Probe)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return pool.Errorf(pool.ErrFailed, "", "cannot use instance %s: its probe did not end within %s", o.Instance, probeLimit)
	}
	if err != nil || status == usable {
		return err
	}
	seen := b.explain(ctx, o, status, o.Spec.Probe)
	if status == noSystemd {
		return pool.Errorf(pool.ErrFailed, "", "cannot use instance %s: its systemd is not well: %s", o.Instance, seen)
	}
	return pool.Errorf(pool.ErrFailed, "", "cannot use instance %s: its probe failed: %s", o.Instance, seen)
}

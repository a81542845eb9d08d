package accept

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// dirty is what each holder leaves behind, clean what the next one must find.
const (
	dirty = `
		echo 'evil::0:0::/:/bin/sh' >> /etc/passwd
		echo left > /root/left && echo left > /tmp/left && mkdir -p /var/spool/left
		echo '* * * * * evil' > /etc/crontab-left
		cp /bin/busybox /usr/local-left 2>/dev/null && chmod u+s /usr/local-left
		(setsid sleep 98765 >/dev/null 2>&1 &)
		hostname evil`
	clean = `
		grep -c evil /etc/passwd
		ls -d /root/left /tmp/left /var/spool/left /etc/crontab-left /usr/local-left 2>/dev/null
		ps | grep 98765 | grep -v grep
		hostname | grep evil
		ls -d /mnt/left 2>/dev/null
		true`
)

func TestTheNextHolderFindsNothingOfTheLastOne(t *testing.T) {
	for _, recycle := range []pool.Recycle{pool.ResetToSnapshot, pool.Replace} {
		t.Run(string(recycle), func(t *testing.T) {
			d := startDaemon(t)
			name := pool.PoolName("accept-" + string(recycle))
			d.create(name, pool.Spec{Size: 10, Max: 10, Recycle: recycle})
			d.full(name, 10)
			var all sync.WaitGroup
			for holder := range 5 {
				all.Go(func() {
					for range 10 {
						d.useAndSoil(name, holder)
					}
				})
			}
			all.Wait()
			d.full(name, 10)
			if names := d.members(name); len(names) != 10 {
				t.Errorf("%d instances in LXD: %v", len(names), names)
			}
		})
	}
}

// useAndSoil acquires, looks for what others left, leaves things, and releases.
func (d *daemon) useAndSoil(name pool.PoolName, holder int) {
	leases, err := d.Acquire(d.ctx, pool.AcquireRequest{Pool: name, Wait: pool.Duration(time.Minute), Purpose: fmt.Sprint("holder ", holder)})
	if err != nil {
		d.t.Error(err)
		return
	}
	l := leases[0]
	if found := d.sh(l.ID, clean); found != "0" {
		d.t.Errorf("%s, lease %s, fence %d: found %q", l.Instance, l.ID, l.Fence, found)
	}
	if left := d.added(l); left != "" {
		d.t.Errorf("%s, fence %d: %s", l.Instance, l.Fence, left)
	}
	d.sh(l.ID, dirty)
	in := string(l.Instance)
	lxc(d.t, "config", "device", "add", in, "left", "disk", "source=/usr/share/doc", "path=/mnt/left")
	lxc(d.t, "config", "set", in, "user.left", "left")
	lxc(d.t, "snapshot", in, "left")
	if _, err := d.Release(d.ctx, l.ID); err != nil {
		d.t.Error(err)
	}
}

// added returns what LXD has for an instance that a holder put there.
func (d *daemon) added(l *api.Lease) string {
	config := lxc(d.t, "config", "show", string(l.Instance))
	snapshots := lxc(d.t, "query", "/1.0/instances/"+string(l.Instance)+"/snapshots")
	for _, what := range []string{config, snapshots} {
		if strings.Contains(what, "left") {
			return what
		}
	}
	return ""
}

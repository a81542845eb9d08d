package lxdbackend_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

// dirty leaves behind whatever a holder can.
func (r *room) dirty(o pool.Order) {
	r.Helper()
	r.run(o, `echo secret >/root/secret; mkdir -p /srv/left; echo x >/srv/left/x
		echo 'eve:x:0:0::/:/bin/sh' >>/etc/passwd; chmod 777 /etc/passwd; rm -rf /var/log
		(sleep 1000 >/dev/null 2>&1 &)`)
	lxc := admin(r)
	lxc.snapshot(o.Instance, "mine")
	lxc.set(o.Instance, map[string]string{"user.secret": "x", "limits.memory": "64MiB", "user.lxd-pool.pool": "other"})
	lxc.ask(http.MethodPatch, where(o.Instance, ""), map[string]any{
		"devices": map[string]any{"extra": map[string]string{"type": "disk", "source": r.TempDir(), "path": "/mnt/extra"}},
	})
}

// marks prints what dirty would leave.
const marks = `ls -a /root /srv 2>/dev/null; cat /etc/passwd; stat -c %a /etc/passwd; ls -d /var/log /mnt/extra 2>/dev/null; cat /proc/[0-9]*/cmdline | tr '\0' ' ' | grep -o '[s]leep 1000' || true`

func TestAResetLeavesNothingOfTheHolder(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset", "config.limits.processes=500")
	r.create(o)
	made := admin(t).get(o.Instance)
	r.start(o)
	fresh := r.run(o, marks)
	for range 2 {
		r.dirty(o)
		r.must(r.b.Reset(t.Context(), o))
		now := admin(t).get(o.Instance)
		if got := admin(t).snapshots(o.Instance); len(got) != 1 || got[0] != "pristine" {
			t.Errorf("its snapshots are %v", got)
		}
		if len(now.Devices) != 0 || now.Config["user.secret"]+now.Config["limits.memory"] != "" || now.Config["limits.processes"] != "500" {
			t.Errorf("its devices are %v and its config %v", now.Devices, now.Config)
		}
		if now.Config["user.lxd-pool.manager"] != string(o.Manager) || now.Config["user.lxd-pool.pool"] != string(o.Pool) {
			t.Errorf("its tags are gone: %v", now.Config)
		}
		if now.Config["volatile.uuid"] != made.Config["volatile.uuid"] {
			t.Error("it is another instance")
		}
		r.start(o)
		if got := r.run(o, marks); got != fresh {
			t.Errorf("it holds\n%s\nand held when it was fresh\n%s", got, fresh)
		}
	}
}

func TestAResetThatCannotBeShownCleanIsAnError(t *testing.T) {
	t.Parallel()
	r := enter(t)
	lxc := admin(t)
	for what, spoil := range map[string]func(pool.Order){
		"pristine snapshot": func(o pool.Order) { lxc.ask(http.MethodDelete, where(o.Instance, "/snapshots/pristine"), nil) },
		"first start": func(o pool.Order) {
			lxc.ask(http.MethodDelete, where(o.Instance, "/snapshots/pristine"), nil)
			lxc.snapshot(o.Instance, "pristine")
		},
		"tag": func(o pool.Order) { lxc.set(o.Instance, map[string]string{"user.lxd-pool.manager": ""}) },
	} {
		o := r.order(busybox, "recycle=reset")
		r.create(o)
		r.start(o)
		r.run(o, "touch /root/dirt")
		spoil(o)
		if err := r.b.Reset(t.Context(), o); err == nil {
			t.Errorf("it passes for clean without its %s", what)
		} else {
			t.Log(err)
		}
		lxc.set(o.Instance, map[string]string{"user.lxd-pool.manager": string(o.Manager)}) // so that it can be deleted
	}
}

func TestOnlyPoolsThatResetHaveASnapshot(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox)
	r.create(o)
	if got := admin(t).snapshots(o.Instance); len(got) != 0 {
		t.Errorf("its snapshots are %v", got)
	}
	if err := r.b.Reset(t.Context(), o); !errors.Is(err, pool.ErrFailed) {
		t.Errorf("got %v", err)
	}
}

func TestAPoolThatResetsTakesNoDiskThatOutlivesIt(t *testing.T) {
	t.Parallel()
	r := enter(t)
	dir := t.TempDir()
	r.must(os.WriteFile(filepath.Join(dir, "x"), nil, 0o644))
	disk := "device.data=type=disk,path=/data,source=" + dir
	for _, c := range []struct {
		keys []string
		ok   bool
	}{
		{[]string{"recycle=reset", disk}, false},
		{[]string{"recycle=reset", disk + ",readonly=true"}, true},
		{[]string{"recycle=replace", disk}, true},
	} {
		_, err := r.b.Vet(t.Context(), r.order(busybox, c.keys...))
		if (err == nil) != c.ok || err != nil && !(errors.Is(err, pool.ErrRejected) && strings.Contains(err.Error(), dir)) {
			t.Errorf("%v: %v", c.keys, err)
		}
	}
}

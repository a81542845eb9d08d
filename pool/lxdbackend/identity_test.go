package lxdbackend_test

import (
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

// identities are what must not be the same in two machines, as commands.
var identities = map[string]string{
	"MAC":                   "cat /sys/class/net/eth0/address",
	"machine id":            "cat /etc/machine-id",
	"D-Bus machine id":      "cat /var/lib/dbus/machine-id",
	"ed25519 host key":      "cat /etc/ssh/ssh_host_ed25519_key.pub",
	"ecdsa host key":        "cat /etc/ssh/ssh_host_ecdsa_key.pub",
	"host name":             "hostname",
	"file of the host name": "cat /etc/hostname",
	"address":               "ip -4 -brief address show eth0",
	"boot id of the log":    "ls /var/log/journal",
}

func TestMembersOfAPoolAreDifferentMachines(t *testing.T) {
	t.Parallel()
	r := enter(t)
	one := r.order(debian)
	two := r.another(one)
	for _, o := range []pool.Order{one, two} {
		r.create(o)
		r.start(o)
	}
	for what, command := range identities {
		first, status := r.try(one, command)
		second, _ := r.try(two, command)
		switch {
		case status != 0:
			t.Logf("there is no %s in this image", what)
		case first == "" || first == second:
			t.Errorf("%s is %q in both", what, first)
		}
	}
	for _, needed := range []string{"machine id", "MAC", "address", "ed25519 host key"} {
		r.run(one, identities[needed])
	}
	if got := r.run(one, "hostname"); got != string(one.Instance) {
		t.Errorf("%s calls itself %s", one.Instance, got)
	}
	if log, status := r.try(one, "journalctl --no-pager -q | grep "+"-- -template-"); status == 0 {
		t.Errorf("the template's log is in it: %s", log)
	}
	a, b := admin(t).get(one.Instance), admin(t).get(two.Instance)
	for _, key := range []string{"volatile.uuid", "volatile.cloud-init.instance-id", "volatile.eth0.hwaddr"} {
		if a.Config[key] == "" || a.Config[key] == b.Config[key] {
			t.Errorf("%s is %q in both", key, a.Config[key])
		}
	}
}

func TestSSHServesInAMemberWithKeysOfItsOwn(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(debian)
	r.create(o)
	r.start(o)
	r.run(o, "systemctl is-active ssh && /usr/sbin/sshd -t && test -s /etc/ssh/ssh_host_ed25519_key")
	if failed := r.run(o, "systemctl --failed --no-legend"); failed != "" {
		t.Errorf("units failed: %s", failed)
	}
}

func TestAResetInstanceIsAnotherMachineThanBefore(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(debian, "recycle=reset")
	r.create(o)
	r.start(o)
	const secrets = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub"
	before := r.run(o, secrets)
	r.must(r.b.Reset(t.Context(), o))
	r.start(o)
	if after := r.run(o, secrets); after == before {
		t.Errorf("it still has the keys that its last holder could read: %s", after)
	}
}

package backendtest

import (
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

const mark = "/lxd-pool-was-here"

// soil leaves behind what a holder might.
func (r *room) soil(t *testing.T, o pool.Order) {
	if status, _ := r.run(t, o, "dirt", "tee", mark); status != 0 {
		t.Fatalf("tee: status %d", status)
	}
	if _, text := r.run(t, o, "", "cat", mark); text != "dirt" {
		t.Fatalf("the file that was written holds %q", text)
	}
	if !r.RealGuests {
		return
	}
	const script = `echo intruder::0:0::/:/bin/sh >>/etc/passwd; rm -f /etc/hosts; sleep 54321 >/dev/null 2>&1 </dev/null &`
	if status, out := r.run(t, o, "", "sh", "-c", script); status != 0 {
		t.Fatalf("status %d, %s", status, out)
	}
	if _, out := r.run(t, o, "", "sh", "-c", traces); out != "process account" {
		t.Fatalf("the traces are %q", out)
	}
}

// traces prints what is left of what soil did, apart from the file. A pattern
// in brackets does not find the shell that looks for it.
const traces = `found=
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -q 'sleep 5432[1]' && found="$found process"
grep -q intruder /etc/passwd && found="$found account"
echo $found`

// clean looks for what soil left.
func (r *room) clean(t *testing.T, o pool.Order) {
	if status, text := r.run(t, o, "", "cat", mark); status == 0 {
		t.Errorf("the file is still there and holds %q", text)
	}
	if !r.RealGuests {
		return
	}
	if _, out := r.run(t, o, "", "sh", "-c", traces); out != "" {
		t.Errorf("the traces are %q", out)
	}
	if status, out := r.run(t, o, "", "hostname"); status != 0 || out != string(o.Instance) {
		t.Errorf("its hostname is %q", out)
	}
}

// twins of one template share nothing that tells machines apart.
func (r *room) twins(t *testing.T) {
	one, two := r.order(1), r.order(2)
	r.create(t, one)
	r.create(t, two)
	first, second := r.start(t, one), r.start(t, two)
	t.Run("TwoInstancesHaveAddressesOfTheirOwn", func(t *testing.T) {
		for _, a := range first.Addresses {
			for _, b := range second.Addresses {
				if a.Address == b.Address {
					t.Errorf("both have %s", a.Address)
				}
			}
		}
	})
	r.guest(t, "TwoInstancesHaveIdentitiesOfTheirOwn", func(t *testing.T) {
		if !r.RealGuests {
			return
		}
		const identity = `cat /etc/machine-id 2>/dev/null; cat /sys/class/net/eth0/address; cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null; true`
		_, a := r.run(t, one, "", "sh", "-c", identity)
		_, b := r.run(t, two, "", "sh", "-c", identity)
		if a == "" {
			t.Error("the first has no identity at all")
		}
		for line := range strings.Lines(a + "\n") {
			if strings.Contains(b+"\n", line) {
				t.Errorf("both have %q", line)
			}
		}
	})
	r.guest(t, "WhatIsWrittenInOneIsNotInTheOther", func(t *testing.T) {
		if status, _ := r.run(t, one, "dirt", "tee", mark); status != 0 {
			t.Fatalf("tee: status %d", status)
		}
		r.clean(t, two)
	})
}

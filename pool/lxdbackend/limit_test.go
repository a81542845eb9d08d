package lxdbackend_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestALimitHoldsAtOnceAndGoesWithTheReset(t *testing.T) {
	t.Parallel()
	r := enter(t)
	o := r.order(busybox, "recycle=reset", "config.limits.memory=256MiB", "config.limits.cpu=2")
	r.create(o)
	r.start(o)
	r.must(r.b.Limit(t.Context(), o, pool.Limits{CPU: 1, Memory: 64 << 20}))
	// LXD deals out the processors a moment later.
	seen := func(cpu string) string {
		return r.run(o, `for i in $(seq 100); do [ "$(nproc)" = `+cpu+` ] && break; sleep 0.1; done; nproc; awk '/MemTotal/ {print $2}' /proc/meminfo`)
	}
	if got := seen("1"); got != "1\n65536" {
		t.Errorf("inside it has %q", got)
	}
	for what, l := range map[string]pool.Limits{"memory": {Memory: 512 << 20}, "cpu": {CPU: 3}} {
		err := r.b.Limit(t.Context(), o, l)
		if !errors.Is(err, pool.ErrInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("more %s than the pool gives: %v", what, err)
		}
	}
	r.must(r.b.Reset(t.Context(), o))
	r.start(o)
	if got := seen("2"); got != "2\n262144" {
		t.Errorf("after the reset it has %q inside", got)
	}
}

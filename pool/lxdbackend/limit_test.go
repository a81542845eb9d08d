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
	const seen = `nproc; awk '/MemTotal/ {print $2}' /proc/meminfo`
	if got := r.run(o, seen); got != "1\n65536" {
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
	if got := r.run(o, seen); got != "2\n262144" {
		t.Errorf("after the reset it has %q inside", got)
	}
}

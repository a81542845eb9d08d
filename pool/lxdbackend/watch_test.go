package lxdbackend_test

import (
	"context"
	"testing"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestAWatcherIsToldWhatHappenedAndWhenItMayHaveMissedSomething(t *testing.T) {
	t.Parallel()
	r := enter(t)
	b, wire := broken(t)
	ctx, stop := context.WithCancel(t.Context())
	hints := make(chan pool.Hint, 1000)
	ended := make(chan struct{})
	go func() {
		b.Watch(ctx, func(h pool.Hint) { hints <- h })
		close(ended)
	}()
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	await := func(name pool.InstanceName) {
		t.Helper()
		for {
			select {
			case h := <-hints:
				if h.Instance == name {
					return
				}
			case <-limited.Done():
				t.Fatalf("there is no hint about %q", name)
			}
		}
	}
	wire.up()
	await("") // connected
	o := r.order(busybox)
	r.create(o)
	lxc := admin(t)
	for _, action := range []string{"start", "freeze", "unfreeze", "stop"} {
		lxc.state(o.Instance, action)
		if action != "start" {
			await(o.Instance)
		}
	}
	wire.cut()
	await("") // connected again
	lxc.state(o.Instance, "start")
	r.run(o, "true")
	r.must(r.b.Delete(t.Context(), o))
	await(o.Instance)
	stop()
	<-ended
}

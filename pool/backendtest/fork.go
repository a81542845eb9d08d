package backendtest

import (
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

// forked copies an instance that runs.
func (r *room) forked(t *testing.T) {
	forker, ok := r.Backend.(pool.Forker)
	if !ok {
		return
	}
	source, o := r.order(1), r.order(2)
	r.create(t, source)
	r.start(t, source)
	r.guest(t, "Written", func(t *testing.T) { r.run(t, source, "in use", "tee", "/written") })

	expect(t, "a fork of what is not there", forker.Fork(bounded(t), r.order(3), r.order(4).Instance), pool.ErrGone)
	must(t, forker.Fork(bounded(t), o, source.Instance))
	r.is(t, source, pool.Running)
	r.is(t, o, pool.Stopped)
	r.start(t, o)
	r.is(t, o, pool.Running)
	r.guest(t, "TheCopyHasWhatWasWritten", func(t *testing.T) {
		if status, text := r.run(t, o, "", "cat", "/written"); status != 0 || text != "in use" {
			t.Errorf("status %d, %q", status, text)
		}
		if status, text := r.run(t, o, "", "hostname"); status != 0 || text != string(o.Instance) {
			t.Errorf("its hostname is %q", text)
		}
	})
	must(t, r.Backend.Delete(bounded(t), source))
	r.is(t, o, pool.Running)
	must(t, r.Backend.Delete(bounded(t), o))
}

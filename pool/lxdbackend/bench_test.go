package lxdbackend_test

import (
	"os/exec"
	"slices"
	"testing"
	"time"
)

// wait is what one would run after "lxc start" until the instance is usable.
const wait = `until grep -q eth0 /proc/net/route; do sleep 0.05; done
	! command -v systemctl || until [ "$(systemctl is-system-running --wait)" = running ]; do sleep 0.05; done`

// BenchmarkVerbs measures each verb beside what one would type with lxc to the
// same end, in turns, so that both meet the same machine. It reports medians in
// milliseconds.
func BenchmarkVerbs(b *testing.B) {
	for _, image := range []string{busybox, debian} {
		b.Run(image, func(b *testing.B) {
			r := alone(b)
			o := r.order(image, "recycle=reset")
			r.create(o) // builds the template
			r.must(r.b.Delete(b.Context(), o))
			template, theirs := string(r.templates()[0].Name), string(r.another(o).Instance)
			c := clock{}
			for b.Loop() {
				c.time(b, "create", func() error { _, err := r.b.Create(b.Context(), o); return err })
				c.lxc(b, "create", "copy", template, theirs, "-c", "user.lxd-pool.template=")
				c.lxc(b, "create", "snapshot", theirs, "pristine")
				c.time(b, "start", func() error { _, err := r.b.Start(b.Context(), o); return err })
				c.lxc(b, "start", "start", theirs)
				c.lxc(b, "start", "exec", theirs, "--", "sh", "-c", wait)
				c.time(b, "check", func() error { return r.b.Check(b.Context(), o) })
				c.lxc(b, "check", "exec", theirs, "true")
				c.time(b, "reset", func() error { return r.b.Reset(b.Context(), o) })
				c.lxc(b, "reset", "stop", "-f", theirs)
				c.lxc(b, "reset", "restore", theirs, "pristine")
				c.time(b, "delete", func() error { return r.b.Delete(b.Context(), o) })
				c.lxc(b, "delete", "delete", theirs)
			}
			c.report(b)
		})
	}
}

// clock keeps how long things took, by what they are.
type clock map[string][]time.Duration

func (c clock) time(b *testing.B, what string, do func() error) {
	b.Helper()
	began := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	c[what] = append(c[what], time.Since(began))
}

func (c clock) lxc(b *testing.B, verb string, args ...string) {
	b.Helper()
	c.time(b, verb+"/lxc-"+args[0], func() error { return exec.Command("lxc", args...).Run() })
}

func (c clock) report(b *testing.B) {
	for what, times := range c {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-"+what)
	}
}

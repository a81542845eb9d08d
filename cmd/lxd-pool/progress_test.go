package main

import (
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestProgressIsPutIntoWords(t *testing.T) {
	for _, c := range []struct {
		p    pool.Progress
		text string
		step int
	}{
		{pool.Progress{Stage: "waiting"}, "waiting", 0},
		{pool.Progress{Stage: "copying", Percent: 40}, "copying", 40},
		{pool.Progress{Stage: "copying", Done: 1 << 20}, "copying: 1.0 MiB", 0},
		{pool.Progress{Stage: "copying", Done: 1 << 20, Total: 4 << 20}, "copying: 1.0 MiB of 4.0 MiB", 25},
	} {
		if text, step := describeProgress(c.p); text != c.text || step != c.step {
			t.Errorf("%+v: %q, %d", c.p, text, step)
		}
	}
}

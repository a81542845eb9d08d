package crash_test

import (
	"context"
	"testing"
)

// campaigns is how many are run until one finds the bug: on a slow machine one has
// few grants that a kill could fall into.
const campaigns = 5

// A test of promises is worth what it finds. The engine keeps deliberate bugs
// behind a build tag; this is the one that a crash must uncover.
func TestAnEngineThatAnswersBeforeItCommitsIsFoundOut(t *testing.T) {
	program := build(t, "-tags", "mutants")
	for range campaigns {
		c := simulated(t, program, 60)
		c.Daemon.Env = []string{"LXD_POOL_MUTANT=answer-before-commit"}
		ctx, cancel := context.WithTimeout(t.Context(), runFor)
		_, err := c.Run(ctx)
		cancel()
		if c.Daemon.Stop() != nil && err == nil {
			t.Error("the daemon ended badly")
		}
		for _, fault := range c.Book.Faults() {
			t.Logf("found: %s", fault)
		}
		if len(c.Book.Faults()) > 0 {
			return
		}
		t.Logf("nothing found in this campaign: %v, %+v", err, c.Book.Counts())
	}
	t.Error("nothing was found wrong with an engine that answers before it commits")
}

package crash_test

import (
	"context"
	"testing"
)

// A test of promises is worth what it finds. The engine keeps deliberate bugs
// behind a build tag; this is the one that a crash must uncover.
func TestAnEngineThatAnswersBeforeItCommitsIsFoundOut(t *testing.T) {
	c := simulated(t, build(t, "-tags", "mutants"), 60)
	c.Daemon.Env = []string{"LXD_POOL_MUTANT=answer-before-commit"}
	ctx, cancel := context.WithTimeout(t.Context(), runFor)
	defer cancel()
	_, err := c.Run(ctx)
	if c.Daemon.Stop() != nil && err == nil {
		t.Error("the daemon ended badly")
	}
	for _, fault := range c.Book.Faults() {
		t.Logf("found: %s", fault)
	}
	if len(c.Book.Faults()) == 0 {
		t.Errorf("nothing was found wrong with an engine that answers before it commits: %v, %+v", err, c.Book.Counts())
	}
}

//go:build mutants

package pool_test

import (
	"os"
	"os/exec"
	"testing"
)

// Every mutant has to be found by the model test, run in a process of its own.
func TestTheModelFindsEveryMutant(t *testing.T) {
	if os.Getenv("LXD_POOL_MUTANT") != "" {
		t.Skip("this process is the mutant")
	}
	for _, m := range []string{"answer-before-commit", "expire-early", "forget-fence", "trust-unconfirmed", "ignore-leaks", "lose-waiter"} {
		t.Run(m, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "-test.run=TestPromisesHoldUnderRandomFaults", "-model.seeds=60", "-test.timeout=20s")
			c.Env = append(os.Environ(), "LXD_POOL_MUTANT="+m)
			if out, err := c.CombinedOutput(); err == nil {
				t.Errorf("the model did not notice %s:\n%s", m, out)
			}
		})
	}
}

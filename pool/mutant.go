package pool

// mutant names a deliberate bug that a test must find.
type mutant string

// The mutants, and the promise that each one breaks.
const (
	answerBeforeCommit mutant = "answer-before-commit" // P2
	expireEarly        mutant = "expire-early"         // P5
	forgetFence        mutant = "forget-fence"         // P1
	trustUnconfirmed   mutant = "trust-unconfirmed"    // P3: starts what LXD never confirmed
	ignoreLeaks        mutant = "ignore-leaks"         // P4
	loseWaiter         mutant = "lose-waiter"          // P6
)

//go:build !mutants

package pool

// mutated reports whether a deliberate bug is switched on. It never is, except
// in a build with the tag "mutants", which exists to see that tests notice.
func mutated(mutant) bool { return false }

//go:build mutants

package pool

import "os"

// mutated reports whether LXD_POOL_MUTANT names the bug.
func mutated(m mutant) bool { return os.Getenv("LXD_POOL_MUTANT") == string(m) }

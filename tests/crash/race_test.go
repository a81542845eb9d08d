//go:build race

package crash_test

// The daemon is built as the test is.
func init() { buildFlags = append(buildFlags, "-race") }

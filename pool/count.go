package pool

import "fmt"

// count says how many there are, in words that fit:
// count(n, "request waits", "requests wait").
func count(n int, one, more string) string {
	if n == 1 {
		more = one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func times(n int) string { return count(n, "time", "times") }

func instances(n int) string { return count(n, "instance", "instances") }

package hooktool

import (
	"fmt"
	"testing"
)

// What is open already is not opened again, and what is in its way neither.
func TestPortsAreOpenedBesideThoseThatAreOpen(t *testing.T) {
	for _, c := range []struct{ want, open, missing string }{
		{"20000-21999/tcp", "20000-20999/tcp", "[21000-21999/tcp]"},
		{"20000-21999/tcp", "20500-20999/tcp", "[20000-20499/tcp 21000-21999/tcp]"},
		{"20000-20999/tcp", "20000-21999/tcp", "[]"},
		{"8743/tcp", "8443/tcp", "[8743/tcp]"},
		{"8743/tcp", "8743/tcp", "[]"},
		{"8743/tcp", "8743/udp", "[8743/tcp]"},
		{"20000-20999/tcp", "20999-21500/tcp", "[20000-20998/tcp]"},
	} {
		want, open := parsePorts([]string{c.want}), parsePorts([]string{c.open, "icmp"})
		if got := fmt.Sprint(want[0].less(open)); got != c.missing {
			t.Errorf("%s with %s open: %s, want %s", c.want, c.open, got, c.missing)
		}
	}
}

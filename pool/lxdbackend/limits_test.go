package lxdbackend

import "testing"

func TestProcessorsAreCountedAsLXDWritesThem(t *testing.T) {
	for text, want := range map[string]int{"2": 2, "0-3": 4, "0-1,5": 3, "1-1": 1, "x": 0, "3-1": 0, "": 0} {
		if got := processors(text); got != want {
			t.Errorf("%q: %d, not %d", text, got, want)
		}
	}
}

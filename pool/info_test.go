package pool

import (
	"strings"
	"testing"
)

func TestALogIsTextThatSteersNoTerminal(t *testing.T) {
	for log, want := range map[string]string{
		"plain\ttext\n":          "plain\ttext\n",
		"line\r\n":               "line\n",
		"\x1b[0;32mgreen\x1b[0m": "green",
		"\x1b]0;your title\x07here\x1b]0;x\x1b\\": "here",
		"\x1b[2J\x1b[Hcleared\x1bc\x9b31m":        "clearedc\uFFFD31m",
		"back\x08space\x00\u202eesrever":          "backspaceesrever",
		"bad \xff byte, good ä":                   "bad \uFFFD byte, good ä",
	} {
		if got := plainText([]byte(log)); got != want {
			t.Errorf("%q became %q, not %q", log, got, want)
		}
	}
}

func TestALogIsItsEndFromTheBeginningOfACharacter(t *testing.T) {
	got := plainText([]byte("start" + strings.Repeat("ä", LogLimit/2) + "x"))
	if want := strings.Repeat("ä", LogLimit/2-1) + "x"; got != want {
		t.Errorf("it has %d bytes and begins with %q", len(got), got[:10])
	}
}

package pool

import (
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time that people write: "90s", "30m", "8h", "2d".
type Duration time.Duration

// ParseDuration reads what [time.ParseDuration] reads, and "d" for days of 24
// hours, as in "2d" or "1d12h". It refuses negative ones and bare numbers.
func ParseDuration(text string) (Duration, error) {
	bad := Invalidf(`write it like "90s", "30m", "8h" or "2d"`, "cannot read %q as a length of time", text)
	rest, days := text, time.Duration(0)
	if head, tail, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, bad
		}
		days, rest = time.Duration(n)*24*time.Hour, tail
		if rest == "" {
			return Duration(days), nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d+days < 0 {
		return 0, bad
	}
	return Duration(days + d), nil
}

// String writes d so that [ParseDuration] reads it, without units that are zero.
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes [Duration.String].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads with [ParseDuration].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

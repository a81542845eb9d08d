package pool

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is an amount of memory or disk, written as people and LXD do: "512MiB",
// "2GB", or a plain number of bytes.
type Bytes int64

// units are the suffixes, the longer ones of a size first.
var units = []struct {
	suffix string
	size   int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1},
}

// ParseBytes reads an amount.
func ParseBytes(text string) (Bytes, error) {
	for _, unit := range units {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.size {
			break
		}
		return Bytes(n * unit.size), nil
	}
	return 0, Invalidf(`write it like "512MiB" or "2GB"`, "cannot use %q as an amount of bytes", text)
}

// String writes the amount in the largest unit of 1024 that it is a multiple of.
func (b Bytes) String() string {
	for _, unit := range units[:4] {
		if b != 0 && int64(b)%unit.size == 0 {
			return fmt.Sprintf("%d%s", int64(b)/unit.size, unit.suffix)
		}
	}
	return fmt.Sprintf("%dB", int64(b))
}

// MarshalText writes the amount as String does.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads an amount.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBytes(string(text))
	return err
}

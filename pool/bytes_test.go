package pool_test

import (
	"testing"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestAnAmountOfBytesIsReadAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string]struct {
		n       pool.Bytes
		written string
	}{
		"0": {0, "0B"}, "512MiB": {512 << 20, "512MiB"}, "2GB": {2e9, "1953125KiB"}, "1048576": {1 << 20, "1MiB"},
		"3 GiB": {3 << 30, "3GiB"}, "100B": {100, "100B"}, "1024GiB": {1 << 40, "1TiB"},
	} {
		got, err := pool.ParseBytes(text)
		if err != nil || got != want.n || got.String() != want.written {
			t.Errorf("%q: %d %s %v", text, got, got, err)
		}
		if again, err := pool.ParseBytes(got.String()); err != nil || again != got {
			t.Errorf("%s is read as %d, %v", got, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "lots", "1XB", "9999999TiB", "0x10"} {
		if got, err := pool.ParseBytes(text); err == nil {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}

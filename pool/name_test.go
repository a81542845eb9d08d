package pool

import (
	"errors"
	"strings"
	"testing"
)

func TestAnOperatorNamesAHolderWhoIsNobodyElse(t *testing.T) {
	for _, good := range []Identity{"juju:lease:3/web/0", "job:17", "a:B", "ci-2:x@y.example+z_-", "users:alice", "rooted:1",
		Identity("job:" + strings.Repeat("x", 196))} {
		if err := good.ValidateNamed(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []Identity{
		"", "root", "user:alice", "uid:7", "token:ci", "root:x", "user:", "token",
		"job", "job:", ":x", "Job:17", "1job:17", "job:-x", "job:/x", "job:a b", "job:a\nb", "job:a\n", "job:é", "lxd-pool",
		Identity("job:" + strings.Repeat("x", 197)),
	} {
		if err := bad.ValidateNamed(); !errors.Is(err, ErrInvalid) || !strings.HasPrefix(err.Error(), "cannot acquire for ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

package lxdbackend

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// logLimit is how much of a log is read for its end.
const logLimit = 1 << 20

// logEnd returns the last errors in the instance's log, or its last lines.
// It is for an error's text, so it has none of its own.
func (b *Backend) logEnd(ctx context.Context, o pool.Order) string {
	file, err := b.lxd.Fetch(ctx, at(o, "/logs/"+logName(o)))
	if err != nil {
		return "it has none"
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, logLimit))
	if err != nil {
		return "cannot read it: " + err.Error()
	}
	lines := slices.Collect(strings.Lines(string(text)))
	bad := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.Contains(line, "ERROR") })
	if len(bad) > 0 {
		lines = bad
	}
	return lastLines(strings.Join(lines, ""), 3)
}

// logName is the log that LXD begins anew at each start of the instance.
func logName(o pool.Order) string {
	if o.Spec.Type == pool.VirtualMachine {
		return "qemu.log"
	}
	return "lxc.log"
}

package lxdbackend

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lxd-pool/lxd-pool/pool"
)

// Limit puts limits into the config of the instance, where LXD applies them at
// once. A reset puts the config back.
func (b *Backend) Limit(ctx context.Context, o pool.Order, l pool.Limits) error {
	what := "cannot limit instance " + string(o.Instance)
	in, err := b.look(ctx, o)
	if err != nil {
		return fail(blame(err), what, err)
	}
	config := [][2]string{}
	if l.CPU > 0 {
		if has := in.ExpandedConfig["limits.cpu"]; has != "" && l.CPU > processors(has) {
			return higher("cpu", strconv.Itoa(l.CPU), has)
		}
		config = append(config, [2]string{"limits.cpu", strconv.Itoa(l.CPU)})
	}
	if l.Memory > 0 {
		if has := in.ExpandedConfig["limits.memory"]; has != "" && l.Memory > memory(has) {
			return higher("memory", l.Memory.String(), has)
		}
		config = append(config, [2]string{"limits.memory", fmt.Sprintf("%dB", int64(l.Memory))})
	}
	// One by one: LXD 5.0 deals out no processors when another key changes with them.
	for _, set := range config {
		change := map[string]any{"config": map[string]string{set[0]: set[1]}}
		if err := b.change(ctx, http.MethodPatch, at(o, ""), change); err != nil {
			return fail(blame(err), what, err)
		}
	}
	return nil
}

// higher refuses a limit above what the owner of the pool allows.
func higher(key, asked, has string) error {
	return pool.Invalidf("ask for less, or have the pool's config changed", "cannot use %s=%s: an instance of this pool has %s", key, asked, has)
}

// processors counts those that limits.cpu gives: a number, or a list of
// processors like "0-3,5". 0: it is neither.
func processors(limit string) int {
	if n, err := strconv.Atoi(limit); err == nil {
		return n
	}
	n := 0
	for part := range strings.SplitSeq(limit, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || to < from {
			return 0
		}
		n += to - from + 1
	}
	return n
}

// memory reads limits.memory. 0: it is a share of the host's memory, which
// nobody can compare with an amount.
func memory(limit string) pool.Bytes {
	amount, err := pool.ParseBytes(limit)
	if err != nil {
		return 0
	}
	return amount
}

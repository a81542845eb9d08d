package lxdbackend

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

const (
	// settleLimit bounds how long an operation that nobody wants any longer is
	// waited for, when LXD cannot end it.
	settleLimit = 10 * time.Minute
	// lookEvery is how often an operation is asked how far it is.
	lookEvery = 250 * time.Millisecond
)

// oversee waits for the end of an operation and reports how far it is. When ctx
// ends first, the operation is cancelled, or waited for when LXD cannot do that:
// then the error is that of ctx, and the operation says as far as is known what
// there is to take away.
func (b *Backend) oversee(ctx context.Context, op *api.Operation, stage string) (*api.Operation, error) {
	final, err := b.watchOver(ctx, op, stage)
	if ctx.Err() == nil {
		return final, err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	_, _ = b.query(late, http.MethodDelete, "/1.0/operations/"+op.ID, nil)
	if last, _ := b.wait(late, op); last != nil {
		final = last
	}
	return final, ctx.Err()
}

// watchOver is wait for who wants to know how far it is.
func (b *Backend) watchOver(ctx context.Context, op *api.Operation, stage string) (*api.Operation, error) {
	if pool.ProgressOf(ctx) == nil {
		return b.wait(ctx, op)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !op.StatusCode.IsFinal() {
		pool.Report(ctx, progressOf(op, stage))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return op, ctx.Err()
		}
		next := new(api.Operation)
		if err := b.get(ctx, "/1.0/operations/"+op.ID, next); err != nil {
			if notFound(err) {
				err = errLost
			}
			return op, err
		}
		op = next
	}
	return b.wait(ctx, op)
}

var percentPattern = regexp.MustCompile(`(\d{1,3})%`)

// progressOf reads how far an operation is out of what LXD says of it, which is
// text for people, and in newer ones numbers too.
func progressOf(op *api.Operation, stage string) pool.Progress {
	p := pool.Progress{Stage: stage}
	for key, value := range op.Metadata {
		if text, ok := value.(string); ok && strings.HasSuffix(key, "_progress") {
			if found := percentPattern.FindStringSubmatch(text); found != nil {
				p.Percent, _ = strconv.Atoi(found[1])
			}
		}
	}
	if numbers, ok := op.Metadata["progress"].(map[string]any); ok {
		if text, ok := numbers["processed"].(string); ok {
			p.Done, _ = strconv.ParseInt(text, 10, 64)
		}
	}
	return p
}

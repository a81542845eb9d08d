package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/lxd-pool/lxd-pool/pool/api"
)

// output is one of the command's output streams.
type output struct {
	x       *execution
	ctx     context.Context // the command's
	channel api.Channel
	// since is when the write under way began, in nanoseconds since the epoch;
	// 0: there is none.
	since atomic.Int64
}

func (o *output) Write(data []byte) (int, error) {
	if o.ctx.Err() != nil {
		return 0, context.Cause(o.ctx)
	}
	o.since.Store(time.Now().UnixNano())
	defer o.since.Store(0)
	if err := o.x.stream.Send(o.x.line, o.channel, data); err != nil {
		return 0, err
	}
	return len(data), nil
}

// stuck reports whether the client has not taken the output for a while.
func (o *output) stuck() bool {
	since := o.since.Load()
	return since != 0 && time.Since(time.Unix(0, since)) >= guardPeriod
}

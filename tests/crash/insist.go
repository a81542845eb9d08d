package crash

import (
	"context"
	"errors"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
)

// insist repeats a call that can be repeated until a daemon answers it.
func insist(ctx context.Context, call func() error) error {
	for {
		err := call()
		if !errors.Is(err, pool.ErrUnreachable) && !errors.Is(err, pool.ErrClosed) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

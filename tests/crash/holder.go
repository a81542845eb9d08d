package crash

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
	"github.com/lxd-pool/lxd-pool/pool/client"
)

// holder acquires, uses, renews and releases, over and over. Whatever the
// daemon does meanwhile, it asks again until it is answered.
type holder struct {
	client *client.Client
	book   *Book
	pool   pool.PoolName
	rand   *rand.Rand
	// keeps is how many leases it keeps to the end.
	keeps int
	// lingers is the longest that it uses a lease.
	lingers time.Duration
}

// live goes on until stop is closed, and then finishes what it has begun.
func (h *holder) live(ctx context.Context, stop <-chan struct{}) {
	defer h.client.Close()
	for {
		select {
		case <-stop:
			return
		default:
		}
		if err := h.once(ctx); err != nil {
			h.book.fault("a holder of pool %s could not go on: %v", h.pool, err)
			return
		}
	}
}

func (h *holder) once(ctx context.Context) error {
	leases, err := h.acquire(ctx)
	if err != nil {
		return err
	}
	for _, l := range leases {
		h.book.grant(l)
	}
	for _, l := range leases {
		if err := h.use(ctx, l); err != nil {
			return err
		}
	}
	if h.keeps >= len(leases) && h.rand.IntN(4) == 0 {
		h.keeps -= len(leases)
		return nil
	}
	for _, l := range leases {
		if err := h.giveBack(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// acquire asks for one lease, and now and then for two at once, always under the
// same request id.
func (h *holder) acquire(ctx context.Context) (leases []*api.Lease, err error) {
	wish := pool.AcquireRequest{Pool: h.pool, Count: 1, Wait: pool.WaitForever, Request: pool.RequestID(cryptorand.Text())}
	if h.rand.IntN(5) == 0 {
		wish.Count = 2
	}
	err = insist(ctx, func() error {
		leases, err = h.client.Acquire(ctx, wish)
		return err
	})
	if err == nil && len(leases) != wish.Count {
		h.book.fault("asked for %d leases and got %d", wish.Count, len(leases))
	}
	return leases, err
}

// note is the file that a holder leaves in its instance.
const note = "/tmp/holder"

// use finds the instance clean, leaves a note, lingers, and finds its own note.
func (h *holder) use(ctx context.Context, l *api.Lease) error {
	found, err := h.read(ctx, l)
	if err != nil {
		return err
	}
	if found != "" {
		h.book.fault("lease %s got %s with the note of %s in it", l.ID, l.Instance, found)
	}
	if _, err := h.exec(ctx, l, pool.Command{Args: []string{"tee", note}}, string(l.ID)); err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(h.rand.Int64N(int64(h.lingers)))):
	case <-ctx.Done():
		return ctx.Err()
	}
	if h.rand.IntN(3) == 0 {
		if err := h.renew(ctx, l); err != nil {
			return err
		}
	}
	found, err = h.read(ctx, l)
	if err == nil && found != string(l.ID) {
		h.book.fault("lease %s finds the note of %q in %s", l.ID, found, l.Instance)
	}
	return err
}

// read returns the note in an instance, "" when there is none.
func (h *holder) read(ctx context.Context, l *api.Lease) (string, error) {
	return h.exec(ctx, l, pool.Command{Args: []string{"cat", note}}, "")
}

func (h *holder) exec(ctx context.Context, l *api.Lease, cmd pool.Command, stdin string) (string, error) {
	var out bytes.Buffer
	err := insist(ctx, func() error {
		out.Reset()
		mine := cmd
		mine.Stdin, mine.Stdout = strings.NewReader(stdin), &out
		_, err := h.client.Exec(ctx, l.ID, mine)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("lease %s: %s: %w", l.ID, strings.Join(cmd.Args, " "), err)
	}
	h.book.count(func(n *Counts) { n.Commands++ })
	return out.String(), nil
}

func (h *holder) renew(ctx context.Context, l *api.Lease) error {
	err := insist(ctx, func() error {
		_, err := h.client.Renew(ctx, l.ID, 0)
		return err
	})
	h.book.count(func(n *Counts) { n.Renewals++ })
	return err
}

func (h *holder) giveBack(ctx context.Context, l *api.Lease) error {
	h.book.leave(l.ID)
	err := insist(ctx, func() error {
		_, err := h.client.Release(ctx, l.ID)
		return err
	})
	if err == nil {
		h.book.release(l.ID)
	}
	return err
}

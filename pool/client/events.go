package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// Watch yields the events of a pool, or of all for "", from the moment that it
// is ranged over until ctx ends. Those who do not operate the daemon see those
// of their own leases. When the daemon is lost it yields an error, as the last.
func (c *Client) Watch(ctx context.Context, name pool.PoolName) iter.Seq2[pool.Event, error] {
	return func(yield func(pool.Event, error) bool) {
		answer, err := c.openEvents(ctx, name)
		if err != nil {
			if ctx.Err() == nil {
				yield(pool.Event{}, err)
			}
			return
		}
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, api.MaxBody)
		for lines.Scan() {
			data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
			if !ok {
				continue
			}
			var e pool.Event
			if err := json.Unmarshal(data, &e); err != nil {
				yield(pool.Event{}, c.broken(ctx, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if ctx.Err() == nil {
			yield(pool.Event{}, c.broken(ctx, orEOF(lines.Err())))
		}
	}
}

func (c *Client) openEvents(ctx context.Context, name pool.PoolName) (*http.Response, error) {
	what := call{op: api.OpEvents}
	if name != "" {
		what.query = url.Values{"pool": {string(name)}}
	}
	return c.send(ctx, what)
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

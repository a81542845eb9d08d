package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// keepAlive is how often a silent stream says that it still is there.
const keepAlive = 15 * time.Second

// events streams what happens from now on, until the caller leaves or the
// server shuts down. One who does not read holds up nobody: the engine drops
// what does not fit and says how much.
func (s *Server) events(r *request) error {
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	control := http.NewResponseController(r.w)
	// A write to someone who does not read must not hold up the shutdown.
	defer context.AfterFunc(ctx, func() { control.SetWriteDeadline(time.Now().Add(time.Second)) })()
	news := s.watch(ctx)
	r.w.Header().Set("Content-Type", api.OpEvents.Route().Content)
	r.w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for text := ": watching\n\n"; ; {
		if _, err := fmt.Fprint(r.w, text); err != nil || control.Flush() != nil {
			return nil
		}
		var open bool
		if text, open = nextText(r, news, tick.C); !open {
			return nil
		}
	}
}

// watch hands the events over one by one; the channel is closed after the last.
func (s *Server) watch(ctx context.Context) <-chan pool.Event {
	all := s.manager.Watch(ctx) // watches from this call on
	news := make(chan pool.Event)
	go func() {
		defer close(news)
		for e := range all {
			select {
			case news <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return news
}

// nextText returns what to send next: an event, or a sign of life.
func nextText(r *request, news <-chan pool.Event, tick <-chan time.Time) (string, bool) {
	for {
		select {
		case <-tick:
			return ": still here\n\n", true
		case e, open := <-news:
			if !open {
				return "", false
			}
			if r.concerns(e) {
				data, err := json.Marshal(e)
				if err != nil {
					panic(err) // an event is plain data
				}
				return fmt.Sprintf("event: %s\ndata: %s\n\n", e.Type, data), true
			}
		}
	}
}

// concerns reports whether an event is for the caller, and of the pool asked for.
func (r *request) concerns(e pool.Event) bool {
	if e.Type == pool.EventsLost {
		return true
	}
	if !r.caller.sees(e.Pool) {
		return false
	}
	if r.caller.Role != Operator && !r.caller.owns(e.Holder) {
		return false
	}
	name := r.URL.Query().Get("pool")
	return name == "" || pool.PoolName(name) == e.Pool
}

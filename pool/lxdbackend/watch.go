package lxdbackend

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/coder/websocket"

	"github.com/lxd-pool/lxd-pool/pool"
)

// telling are the lifecycle events that say that an instance is no longer what
// it was.
var telling = map[string]bool{
	api.EventLifecycleInstanceStopped:   true,
	api.EventLifecycleInstanceShutdown:  true,
	api.EventLifecycleInstanceRestarted: true,
	api.EventLifecycleInstancePaused:    true,
	api.EventLifecycleInstanceResumed:   true,
	api.EventLifecycleInstanceRenamed:   true,
	api.EventLifecycleInstanceRestored:  true,
	api.EventLifecycleInstanceDeleted:   true,
}

const (
	// pingEvery finds out that LXD is gone when its connection does not say so.
	pingEvery = 30 * time.Second
	pingLimit = 10 * time.Second
)

// Watch listens to LXD's lifecycle events until ctx ends, and connects again
// whenever the connection is lost.
func (b *Backend) Watch(ctx context.Context, hint func(pool.Hint)) {
	for pause := newPause(); ctx.Err() == nil; {
		if events, err := b.events(ctx); err == nil {
			pause = newPause()
			hint(pool.Hint{}) // whatever came before is lost
			listen(ctx, events, hint)
		}
		_ = pause.sleep(ctx)
	}
}

func (b *Backend) events(ctx context.Context) (*websocket.Conn, error) {
	events, err := b.lxd.Dial(ctx, "/1.0/events?type=lifecycle&all-projects=true")
	if api.StatusErrorCheck(err, http.StatusForbidden) {
		// A restricted certificate gets fewer hints, and listings tell the rest.
		return b.lxd.Dial(ctx, "/1.0/events?type=lifecycle")
	}
	return events, err
}

// listen passes hints on until the connection is lost or ctx ends.
func listen(ctx context.Context, events *websocket.Conn, hint func(pool.Hint)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer events.CloseNow()
	go ping(ctx, events, cancel)
	for {
		_, data, err := events.Read(ctx)
		if err != nil {
			return
		}
		if name := nameIn(data); name != "" {
			hint(pool.Hint{Instance: pool.InstanceName(name)})
		}
	}
}

func ping(ctx context.Context, events *websocket.Conn, lost func()) {
	defer lost()
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		limited, cancel := context.WithTimeout(ctx, pingLimit)
		err := events.Ping(limited)
		cancel()
		if err != nil {
			return
		}
	}
}

// nameIn returns the instance that a telling event is about, else "".
func nameIn(data []byte) string {
	var event api.Event
	var life api.EventLifecycle
	if json.Unmarshal(data, &event) != nil || json.Unmarshal(event.Metadata, &life) != nil || !telling[life.Action] {
		return ""
	}
	source, err := url.Parse(life.Source)
	if err != nil || !strings.HasPrefix(source.Path, "/1.0/instances/") {
		return ""
	}
	return path.Base(source.Path)
}

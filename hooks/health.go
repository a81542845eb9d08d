package main

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/lxd-pool/lxd-pool/pool"
)

// health is what snapd is told: a status, and unless that is okay a code and a
// text.
type health struct{ status, code, text string }

// notConnected is the health of every install at first.
var notConnected = health{"blocked", "lxd-not-connected", "run: sudo snap connect lxd-pool:lxd lxd:lxd"}

const (
	// daemonAway is the code of a daemon that does not answer.
	daemonAway = "daemon-away"
	askEvery   = 300 * time.Millisecond
)

// How long a text snapd takes, in characters.
const (
	healthLeast = 7
	healthMost  = 70
)

// checkHealth asks the daemon how it is. snapd runs it right after the daemon
// was started, and keeps what it is told until it is told again.
func checkHealth(ctx context.Context, s *snap) error {
	return s.setHealth(ctx, func(h health) bool { return h.code != daemonAway })
}

// setHealth tells snapd how the daemon is once that is settled, or has not been
// for long.
func (s *snap) setHealth(ctx context.Context, settled func(health) bool) error {
	h := s.health(ctx)
	for late := time.Now().Add(s.patience); !settled(h) && time.Now().Before(late) && ctx.Err() == nil; h = s.health(ctx) {
		time.Sleep(askEvery)
	}
	return s.tell(ctx, h)
}

func (s *snap) tell(ctx context.Context, h health) error {
	args := []string{"set-health", h.status}
	if h.status != "okay" {
		args = append(args, h.fitting(), "--code="+h.code)
	}
	_, err := s.snapctl(ctx, args...)
	return err
}

func (s *snap) health(ctx context.Context) health {
	c := s.client()
	defer c.Close()
	problems, err := c.Health(ctx)
	if err == nil && len(problems) == 0 {
		return health{status: "okay"}
	}
	// That comes first: right after an install the daemon may not answer yet.
	if yes, err := s.isConnected(ctx, "lxd"); err == nil && !yes {
		return notConnected
	}
	switch {
	case errors.Is(err, pool.ErrUnreachable):
		return health{"error", daemonAway, "lxd-poold does not answer; see: snap logs lxd-pool"}
	case err != nil:
		return health{"error", "daemon-fails", err.Error()}
	}
	return health{"error", problems[0].Code, problems[0].Text}
}

// fitting is the text as snapd takes it.
func (h health) fitting() string {
	text := h.text
	if n := utf8.RuneCountInString(text); n > healthMost {
		text = string([]rune(text)[:healthMost-1]) + "…"
	} else if n < healthLeast {
		text = "problem: " + text
	}
	return text
}

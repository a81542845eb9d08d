package main

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/lxd-pool/lxd-pool/pool"
)

// health is what snapd is told: a status, and unless that is okay a code and a
// text.
type health struct{ status, code, text string }

// How long a text snapd takes, in characters.
const (
	healthLeast = 7
	healthMost  = 70
)

// checkHealth asks the daemon how it is.
func checkHealth(ctx context.Context, s *snap) error {
	h := s.health(ctx)
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
		return health{"blocked", "lxd-not-connected", "run: sudo snap connect lxd-pool:lxd lxd:lxd"}
	}
	switch {
	case errors.Is(err, pool.ErrUnreachable):
		return health{"error", "daemon-away", "lxd-poold does not answer; see: snap logs lxd-pool"}
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

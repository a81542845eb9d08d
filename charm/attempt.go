package charm

import (
	"context"
	"encoding/json"
	"slices"
)

// attempt is in which relations a hook lets others read secrets. Juju refuses
// the whole of a hook when such a relation is about to end, which no hook can
// know, and runs it again: then it goes without them, or it would fail for ever.
// It is kept where nothing is taken back when a hook fails.
type attempt struct {
	// Round is that of the ledger after the hook, if it ends well.
	Round     int      `json:"round"`
	Relations []string `json:"relations"`
}

const attemptFile = "attempt.json"

// failedAttempt returns the relations in which the hook before this one tried to
// grant something, if it failed.
func (c *Charm) failedAttempt(ctx context.Context, l *ledger) ([]string, error) {
	text, err := c.Workload.Get(ctx, attemptFile)
	if err != nil || text == nil {
		return nil, err
	}
	var a attempt
	if err := json.Unmarshal(text, &a); err != nil || a.Round != l.Round+1 {
		return nil, nil
	}
	return a.Relations, nil
}

// attempting notes that something is to be granted in a relation.
func (s *service) attempting(ctx context.Context, relation string) error {
	if slices.Contains(s.attempt.Relations, relation) {
		return nil
	}
	s.attempt.Round = s.ledger.Round + 1
	s.attempt.Relations = append(s.attempt.Relations, relation)
	text, err := json.Marshal(s.attempt)
	if err != nil {
		return err
	}
	_, err = s.Workload.Put(ctx, attemptFile, text)
	return err
}

package hooktool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// Tools are the hook tools that Juju put first in PATH. The zero value is ready.
type Tools struct{}

// run runs a tool and returns what it prints.
func (Tools) run(ctx context.Context, stdin []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, &Error{Tool: name, Said: strings.TrimSpace(strings.TrimPrefix(said.String(), "ERROR ")), Cause: err}
	}
	return out, nil
}

func (t Tools) do(ctx context.Context, name string, args ...string) error {
	_, err := t.run(ctx, nil, name, args...)
	return err
}

func (t Tools) text(ctx context.Context, name string, args ...string) (string, error) {
	out, err := t.run(ctx, nil, name, args...)
	return strings.TrimSpace(string(out)), err
}

// read reads what a tool prints as JSON. null leaves the zero value.
func read[T any](ctx context.Context, t Tools, name string, args ...string) (T, error) {
	var v T
	out, err := t.run(ctx, nil, name, append([]string{"--format=json"}, args...)...)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return v, fmt.Errorf("cannot understand what %s says: %w", name, err)
	}
	return v, nil
}

// Error is a tool that failed.
type Error struct {
	Tool  string
	Said  string // in the tool's own words
	Cause error
}

func (e *Error) Error() string {
	if e.Said != "" {
		return fmt.Sprintf("cannot run %s: %s", e.Tool, e.Said)
	}
	return fmt.Sprintf("cannot run %s: %s", e.Tool, e.Cause)
}

func (e *Error) Unwrap() error { return e.Cause }

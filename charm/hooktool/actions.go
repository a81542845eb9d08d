package hooktool

import (
	"context"
	"encoding/json"
)

// ActionParams reads the parameters of the action into v.
func (t Tools) ActionParams(ctx context.Context, v any) error {
	out, err := t.run(ctx, nil, "action-get", "--format=json")
	if err != nil {
		return err
	}
	return json.Unmarshal(out, v)
}

// SetResults tells what the action found. Keys are lower case letters, digits
// and dashes. Values are arguments of a program: never secrets.
func (t Tools) SetResults(ctx context.Context, results map[string]string) error {
	var args []string
	for k, v := range results {
		args = append(args, k+"="+v)
	}
	if len(args) == 0 {
		return nil
	}
	return t.do(ctx, "action-set", args...)
}

// FailAction calls the action failed. What the hook wrote takes effect all the same.
func (t Tools) FailAction(ctx context.Context, why string) error {
	return t.do(ctx, "action-fail", why)
}

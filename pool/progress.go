package pool

import "context"

// Progress is how far something long has come.
type Progress struct {
	// Stage says in a few words what is being done.
	Stage string `json:"stage"`
	// Done and Total are bytes. Total is 0 when nobody knows it.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Percent is how much of the stage is done, when that is all that is known.
	Percent int `json:"percent,omitempty"`
}

type progressKey struct{}

// WithProgress has what is done under the context tell f how far it is. f is
// called from one goroutine at a time, never after the call has returned, and
// should be quick: the work waits for it.
func WithProgress(ctx context.Context, f func(Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, f)
}

// ProgressOf returns who wants to be told under ctx, nil for nobody.
func ProgressOf(ctx context.Context) func(Progress) {
	f, _ := ctx.Value(progressKey{}).(func(Progress))
	return f
}

// Report tells whoever wants to know under ctx how far the work is.
func Report(ctx context.Context, p Progress) {
	if f := ProgressOf(ctx); f != nil {
		f(p)
	}
}

package lxdbackend

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/canonical/lxd/shared/api"
)

// query asks LXD. When it is away, what we know of it is forgotten: it may come
// back as another version.
func (b *Backend) query(ctx context.Context, method, path string, body any) (*api.Response, error) {
	answer, err := b.lxd.Query(ctx, method, path, body)
	if away(err) {
		b.facts.Store(nil)
	}
	return answer, err
}

// get reads what is at path into target.
func (b *Backend) get(ctx context.Context, path string, target any) error {
	answer, err := b.query(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Metadata, target); err != nil {
		return &awayError{err}
	}
	return nil
}

// do sends a request and, if LXD answers with an operation, waits for its end.
// The operation goes on when ctx ends first.
func (b *Backend) do(ctx context.Context, method, path string, body any) (*api.Operation, error) {
	op, err := b.begin(ctx, method, path, body)
	if err != nil || op == nil {
		return op, err
	}
	return b.wait(ctx, op)
}

// begin sends a request and returns the operation that it began, nil if none.
func (b *Backend) begin(ctx context.Context, method, path string, body any) (*api.Operation, error) {
	answer, err := b.query(ctx, method, path, body)
	if err != nil || answer.Type != api.AsyncResponse {
		return nil, err
	}
	return answer.MetadataAsOperation()
}

// wait returns op as it ended. It asks for the end itself instead of listening
// to events: one request, bound to ctx, that leaves nothing behind.
func (b *Backend) wait(ctx context.Context, op *api.Operation) (*api.Operation, error) {
	path := "/1.0/operations/" + op.ID + "/wait"
	for !op.StatusCode.IsFinal() {
		next := new(api.Operation)
		if err := b.get(ctx, path, next); err != nil {
			if notFound(err) {
				return nil, errLost
			}
			return nil, err
		}
		op = next
	}
	if op.Err != "" || op.StatusCode != api.Success {
		return op, &operationError{text: cmp.Or(op.Err, op.Status)}
	}
	return op, nil
}

// change is do for an instance that another operation may hold: it tries again
// until that one has ended or ctx does.
func (b *Backend) change(ctx context.Context, method, path string, body any) error {
	for pause := newPause(); ; {
		_, err := b.do(ctx, method, path, body)
		if !busy(err) {
			return err
		}
		if pause.sleep(ctx) != nil {
			return err
		}
	}
}

// pause grows from a short one to a second.
type pause time.Duration

func newPause() *pause {
	p := pause(25 * time.Millisecond)
	return &p
}

// sleep returns the error of ctx when that ends first.
func (p *pause) sleep(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(*p))
	defer timer.Stop()
	*p = min(*p*2, pause(time.Second))
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// instances is the path of all instances of a project.
func instances(project string) string {
	return "/1.0/instances?project=" + url.QueryEscape(project)
}

// instance is the path of one, or of what is below it, such as "/state".
func instance(project, name, below string) string {
	return "/1.0/instances/" + url.PathEscape(name) + below + "?project=" + url.QueryEscape(project)
}

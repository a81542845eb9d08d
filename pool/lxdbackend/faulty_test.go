package lxdbackend

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// faulty answers each request of a test, for what the real LXD cannot be made
// to say when it is wanted.
type faulty struct {
	lxd
	asked  []string
	answer func(method, path string, nth int) (any, error)
}

// errHang makes a request go without an answer until its context ends.
var errHang = errors.New("no answer")

func (f *faulty) Query(ctx context.Context, method, path string, _ any) (*api.Response, error) {
	request := method + " " + strings.SplitN(path, "?", 2)[0]
	nth := 0
	for _, earlier := range f.asked {
		if earlier == request {
			nth++
		}
	}
	f.asked = append(f.asked, request)
	body, err := f.answer(method, path, nth)
	if err == errHang {
		<-ctx.Done()
		return nil, &awayError{ctx.Err()}
	}
	if err != nil {
		return nil, err
	}
	kind := api.SyncResponse
	if op, ok := body.(api.Operation); ok && method != http.MethodGet {
		kind, op.ID = api.AsyncResponse, "op"
	}
	text, err := json.Marshal(body)
	return &api.Response{Type: kind, Metadata: text}, err
}

var (
	mine = pool.Order{Manager: "m", Pool: "ci", Instance: "ci-x4x4-1"}
	row  = api.Instance{
		Name: "ci-x4x4-1", Status: "Stopped", StatusCode: api.Stopped, Config: map[string]string{tagManager: "m", tagPool: "ci"},
	}
	pending = api.Operation{ID: "op", StatusCode: api.Running}
)

func failed(text string) api.Operation {
	return api.Operation{ID: "op", StatusCode: api.Failure, Status: "Failure", Err: text}
}

func TestAnInstanceThatLXDCannotDeleteIsReportedWithWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{answer: func(method, path string, _ int) (any, error) {
			if method == http.MethodDelete {
				return failed("Could not get subvolume flags: Invalid argument"), nil
			}
			return row, nil
		}}
		err := newBackend(f, Options{}).Delete(t.Context(), mine)
		if !errors.Is(err, pool.ErrFailed) {
			t.Fatalf("got %v", err)
		}
		for _, part := range []string{"cannot delete instance ci-x4x4-1: ", "subvolume flags", "by hand", "--project default"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is missing in %q", part, err)
			}
		}
	})
}

func TestAnInstanceThatIsBusyIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const busyFor = 20
		f := &faulty{answer: func(method, path string, nth int) (any, error) {
			switch {
			case method == http.MethodPut && nth < busyFor:
				return nil, api.StatusErrorf(400, `Instance is busy running a "create" operation`)
			case method == http.MethodPut:
				return pending, nil
			}
			return api.Operation{ID: "op", StatusCode: api.Success}, nil
		}}
		if err := newBackend(f, Options{}).Wake(t.Context(), mine); err != nil {
			t.Error(err)
		}
		if tries := strings.Count(strings.Join(f.asked, "\n"), http.MethodPut); tries != busyFor+1 {
			t.Errorf("it was tried %d times", tries)
		}
	})
}

func TestAnOperationThatLXDForgotIsDecidedByLooking(t *testing.T) {
	for name, c := range map[string]struct {
		status api.StatusCode
		kind   error
	}{"it happened": {api.Running, nil}, "it did not": {api.Frozen, pool.ErrUnavailable}} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{answer: func(method, path string, _ int) (any, error) {
				switch {
				case method == http.MethodPut:
					return pending, nil
				case strings.HasPrefix(path, "/1.0/operations/"):
					return nil, api.StatusErrorf(404, "Operation not found")
				}
				now := row
				now.StatusCode = c.status
				return now, nil
			}}
			if err := newBackend(f, Options{}).Wake(t.Context(), mine); !errors.Is(err, c.kind) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatIsKnownOfLXDIsAskedAgainAfterItWasAway(t *testing.T) {
	gone := false
	f := &faulty{answer: func(_, path string, nth int) (any, error) {
		if gone {
			return nil, &awayError{errors.New("connection refused")}
		}
		return api.Server{ServerUntrusted: api.ServerUntrusted{APIExtensions: []string{"a", "b"}[:nth+1]}}, nil
	}}
	b := newBackend(f, Options{})
	knows := func() int {
		known, err := b.know(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(known.extensions)
	}
	if first, again := knows(), knows(); first != 1 || again != 1 {
		t.Errorf("it knows %d and then %d", first, again)
	}
	gone = true
	if _, err := b.List(t.Context(), "m"); !errors.Is(err, pool.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	gone = false
	if now := knows(); now != 2 {
		t.Errorf("it knows %d", now)
	}
}

func TestAProbeThatHangsIsTheFaultOfTheInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{answer: func(method, path string, _ int) (any, error) {
			switch {
			case method == http.MethodPost:
				return pending, nil
			case strings.HasPrefix(path, "/1.0/operations/"):
				return nil, errHang
			}
			now := row
			now.StatusCode = api.Running
			return now, nil
		}}
		err := newBackend(f, Options{}).Check(t.Context(), mine)
		if !errors.Is(err, pool.ErrFailed) || !strings.Contains(err.Error(), "did not end within 15s") {
			t.Errorf("got %v", err)
		}
	})
}

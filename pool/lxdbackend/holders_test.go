package lxdbackend

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

func TestASnapshotThatLXDLeftHalfMadeIsDeleted(t *testing.T) {
	left := false
	f := &faulty{answer: func(method, path string, _ int) (any, error) {
		switch {
		case method == http.MethodPost:
			left = true
			return failed("write backup.yaml: no space left on device"), nil
		case method == http.MethodDelete:
			left = false
			return api.Operation{StatusCode: api.Success}, nil
		case left:
			return []api.InstanceSnapshot{{Name: "mine"}}, nil
		}
		return []api.InstanceSnapshot{}, nil
	}}
	_, err := newBackend(f, Options{}).CreateSnapshot(t.Context(), mine, "mine")
	if !errors.Is(err, pool.ErrFailed) || !strings.HasSuffix(err.Error(), "no space left on device") {
		t.Errorf("got %v", err)
	}
	if left {
		t.Error("it is still there")
	}
}

// What ran before a restore that failed runs after it, with the error.
func TestAnInstanceRunsOnAfterARestoreThatFailed(t *testing.T) {
	status := api.Running
	f := &faulty{answer: func(method, path string, _ int) (any, error) {
		now := row
		now.StatusCode = status
		switch {
		case method == http.MethodPut && strings.Contains(path, "/state"):
			status = api.Running
			return api.Operation{StatusCode: api.Success}, nil
		case method == http.MethodPut:
			status = api.Stopped // LXD stopped it and got no further
			return failed("failed to restore"), nil
		case method == http.MethodPost:
			return api.Operation{StatusCode: api.Success, Metadata: map[string]any{"return": 0.0}}, nil
		case strings.Contains(path, "/snapshots"):
			return []api.InstanceSnapshot{{Name: "mine"}}, nil
		case strings.Contains(path, "/state"):
			return api.InstanceState{StatusCode: status}, nil
		}
		return now, nil
	}}
	_, err := newBackend(f, Options{}).RestoreSnapshot(t.Context(), mine, "mine")
	if !errors.Is(err, pool.ErrFailed) || !strings.HasSuffix(err.Error(), "failed to restore") {
		t.Errorf("got %v", err)
	}
	if status != api.Running {
		t.Error("it does not run")
	}
}

// A shutdown that hangs is not waited for when the lease ends: the instance is
// then stopped by force. What LXD is at with its storage is waited for.
func TestTheEndOfALeaseWaitsForWhatLXDDoesNotStop(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(ctx context.Context, b *Backend) error
		wait time.Duration
	}{
		"a shutdown": {func(ctx context.Context, b *Backend) error {
			_, err := b.Switch(ctx, mine, pool.PowerRequest{Action: pool.PowerStop, Timeout: pool.Duration(time.Minute)})
			return err
		}, time.Second},
		"a stop by force": {func(ctx context.Context, b *Backend) error {
			_, err := b.Switch(ctx, mine, pool.PowerRequest{Action: pool.PowerStop, Force: true})
			return err
		}, time.Second + outlastLimit},
		"a snapshot": {func(ctx context.Context, b *Backend) error {
			_, err := b.CreateSnapshot(ctx, mine, "other")
			return err
		}, time.Second + outlastLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &faulty{answer: func(method, path string, _ int) (any, error) {
					switch {
					case method != http.MethodGet:
						return pending, nil
					case strings.HasPrefix(path, "/1.0/operations/"):
						return nil, errHang
					case strings.Contains(path, "/snapshots"):
						return []api.InstanceSnapshot{}, nil
					}
					now := row
					now.StatusCode = api.Running
					return now, nil
				}}
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := c.do(ctx, newBackend(f, Options{}))
				if took := time.Since(began); took != c.wait || err == nil {
					t.Errorf("it returned after %s with %v", took, err)
				}
				if !slices.ContainsFunc(f.asked, func(s string) bool { return !strings.HasPrefix(s, http.MethodGet) }) {
					t.Errorf("it asked %v", f.asked)
				}
			})
		})
	}
}

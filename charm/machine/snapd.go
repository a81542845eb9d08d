package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// snapd is snapd's API.
type snapd struct{ socket string }

// snapError is what snapd refuses.
type snapError struct {
	Message string `json:"message"`
	Kind    string `json:"kind"`
}

func (e *snapError) Error() string { return e.Message }

// kindOf is snapd's word for an error, "" when it has none.
func kindOf(err error) string {
	if e, ok := errors.AsType[*snapError](err); ok {
		return e.Kind
	}
	return ""
}

const notFound = "snap-not-found"

// client speaks HTTP over a unix socket.
func client(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
}

type answer struct {
	Type   string          `json:"type"`
	Result json.RawMessage `json:"result"`
	Change string          `json:"change"`
}

func (s snapd) call(ctx context.Context, method, path, kind string, body io.Reader) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://snapd"+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", kind)
	response, err := client(s.socket).Do(r)
	if err != nil {
		return nil, fmt.Errorf("cannot reach snapd: %w", err)
	}
	defer response.Body.Close()
	var a answer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return nil, fmt.Errorf("cannot understand snapd: %w", err)
	}
	if a.Type == "error" {
		e := &snapError{}
		if err := json.Unmarshal(a.Result, e); err != nil {
			return nil, fmt.Errorf("cannot understand snapd: %w", err)
		}
		return nil, e
	}
	return &a, nil
}

func (s snapd) get(ctx context.Context, path string, v any) error {
	a, err := s.call(ctx, http.MethodGet, path, "application/json", nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(a.Result, v)
}

// do has snapd change something and returns when that is done.
func (s snapd) do(ctx context.Context, method, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	a, err := s.call(ctx, method, path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.wait(ctx, a)
}

// pollEvery is how often a change is looked at.
const pollEvery = 200 * time.Millisecond

func (s snapd) wait(ctx context.Context, a *answer) error {
	for a.Change != "" {
		var change struct {
			Ready  bool   `json:"ready"`
			Status string `json:"status"`
			Err    string `json:"err"`
		}
		if err := s.get(ctx, "/v2/changes/"+a.Change, &change); err != nil {
			return err
		}
		if change.Ready {
			if change.Err != "" {
				return &snapError{Message: strings.TrimSpace(change.Err)}
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
	return nil
}

// installed is what snapd says of a snap.
type installed struct {
	Version  string `json:"version"`
	Tracking string `json:"tracking-channel"`
	Apps     []struct {
		Name    string `json:"name"`
		Enabled bool   `json:"enabled"`
		Active  bool   `json:"active"`
	} `json:"apps"`
}

// snap returns a snap, nil when it is not installed.
func (s snapd) snap(ctx context.Context, name string) (*installed, error) {
	var i installed
	err := s.get(ctx, "/v2/snaps/"+name, &i)
	if kindOf(err) == notFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &i, nil
}

// act does something to a snap, such as install, refresh, hold and remove.
func (s snapd) act(ctx context.Context, name string, action map[string]any) error {
	return s.do(ctx, http.MethodPost, "/v2/snaps/"+name, action)
}

// sideload installs a snap from a file, signed or not.
func (s snapd) sideload(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	read, write := io.Pipe()
	form := multipart.NewWriter(write)
	go func() { write.CloseWithError(fill(form, f)) }()
	a, err := s.call(ctx, http.MethodPost, "/v2/snaps", form.FormDataContentType(), read)
	read.Close()
	if err != nil {
		return err
	}
	return s.wait(ctx, a)
}

func fill(form *multipart.Writer, f *os.File) error {
	for name, value := range map[string]string{"action": "install", "dangerous": "true"} {
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("snap", filepath.Base(f.Name()))
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, f); err != nil {
		return err
	}
	return form.Close()
}

// isConnected reports whether a plug of a snap is connected.
func (s snapd) isConnected(ctx context.Context, name, plug string) (bool, error) {
	var all struct {
		Established []struct {
			Plug struct {
				Snap string `json:"snap"`
				Plug string `json:"plug"`
			} `json:"plug"`
		} `json:"established"`
	}
	if err := s.get(ctx, "/v2/connections?snap="+name, &all); err != nil {
		return false, err
	}
	for _, c := range all.Established {
		if c.Plug.Snap == name && c.Plug.Plug == plug {
			return true, nil
		}
	}
	return false, nil
}

// connect connects or disconnects a plug and a slot.
func (s snapd) connect(ctx context.Context, action, name, plug, to, slot string) error {
	return s.do(ctx, http.MethodPost, "/v2/interfaces", map[string]any{
		"action": action,
		"plugs":  []map[string]string{{"snap": name, "plug": plug}},
		"slots":  []map[string]string{{"snap": to, "slot": slot}},
	})
}

// configuration is what a snap was set to.
func (s snapd) configuration(ctx context.Context, name string) (map[string]any, error) {
	all := map[string]any{}
	err := s.get(ctx, "/v2/snaps/"+name+"/conf", &all)
	if kindOf(err) == "option-not-found" {
		return all, nil
	}
	return all, err
}

func (s snapd) configure(ctx context.Context, name string, values map[string]any) error {
	return s.do(ctx, http.MethodPut, "/v2/snaps/"+name+"/conf", values)
}

// service starts or stops a service, now and at each boot.
func (s snapd) service(ctx context.Context, action, name string) error {
	body := map[string]any{"action": action, "names": []string{name}}
	if action == "start" {
		body["enable"] = true
	} else {
		body["disable"] = true
	}
	return s.do(ctx, http.MethodPost, "/v2/apps", body)
}

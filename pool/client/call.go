package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// call is one request to make.
type call struct {
	op    api.Operation
	at    []string // the variables of the path
	query url.Values
	etag  string
	in    any // the body; nil: none
	// body is one that is sent as it is read, of this kind, in place of in.
	body   io.Reader
	kind   string
	also   int         // a status beside those of success that comes with an answer
	header http.Header // beside that of every call
}

// host stands in the URLs to a unix socket; the connection goes where the client was told to.
const host = "http://lxd-pool"

// do makes a call and reads its answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, what call, out any) (http.Header, error) {
	answer, err := c.send(ctx, what)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := c.read(ctx, answer)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return answer.Header, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return nil, c.broken(ctx, err)
	}
	return answer.Header, nil
}

// read reads an answer to the end, whatever is in it: a daemon that could not
// hand over the whole of its answer takes a grant back.
func (c *Client) read(ctx context.Context, answer *http.Response) ([]byte, error) {
	if tellsProgress(answer) {
		return c.follow(ctx, answer.Body)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	return text, nil
}

// send makes a call. The answer is one of success, and is to be closed.
func (c *Client) send(ctx context.Context, what call) (*http.Response, error) {
	c.init()
	r, err := c.request(ctx, what)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if answer.StatusCode >= 300 && answer.StatusCode != what.also {
		defer answer.Body.Close()
		return nil, readProblem(answer)
	}
	return answer, nil
}

func (c *Client) request(ctx context.Context, what call) (*http.Request, error) {
	for _, value := range what.at {
		if value == "" || value == "." || value == ".." {
			return nil, pool.Invalidf("", "cannot ask about %q: it is not a name", value)
		}
	}
	route := what.op.Route()
	target := c.base + route.At(what.at...)
	if len(what.query) > 0 {
		target += "?" + what.query.Encode()
	}
	body := what.body
	if what.in != nil {
		text, err := json.Marshal(what.in)
		if err != nil {
			return nil, pool.Invalidf("", "cannot send %T: %w", what.in, err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, route.Method, target, body)
	if err != nil {
		return nil, pool.Invalidf("", "cannot ask for %s: %w", target, err)
	}
	c.dress(r, what)
	if route.Progress && pool.ProgressOf(ctx) != nil {
		r.Header.Set("Accept", api.ProgressType+", application/json")
	}
	return r, nil
}

func (c *Client) dress(r *http.Request, what call) {
	if what.in != nil {
		r.Header.Set("Content-Type", "application/json")
	} else if what.body != nil {
		r.Header.Set("Content-Type", what.kind)
	}
	maps.Copy(r.Header, what.header)
	if what.etag != "" {
		r.Header.Set("If-Match", what.etag)
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+string(c.Token))
	}
	if !once[what.op] {
		// Lets the transport repeat it when a kept connection turns out to be
		// dead. An empty list is not sent.
		r.Header["X-Idempotency-Key"] = []string{}
	}
}

// once are the calls that must not be repeated on their own: the second finds
// what the first has made.
var once = map[api.Operation]bool{
	api.OpCreatePool: true, api.OpCreateProfile: true, api.OpDetach: true, api.OpAddRemote: true, api.OpCopyImage: true, api.OpImportImage: true,
	api.OpMove: true, api.OpPublish: true, api.OpPublishInstance: true, api.OpCreateImageAlias: true,
}

// broken explains a call that got no answer.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if known, ok := errors.AsType[*pool.Error](err); ok {
		return known
	}
	if trust := c.distrust(err); trust != nil {
		return trust
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return c.unreachable(op.Err)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return pool.Errorf(pool.ErrUnreachable, "try again; what was asked for may have happened",
		"cannot get an answer from lxd-poold at %s: %w", c.where, err)
}

func (c *Client) unreachable(err error) error {
	next := "is lxd-poold running? start it, or name its socket with LXD_POOL_SOCKET"
	if c.Address != "" && c.Dial == nil {
		next = "does lxd-poold run there with --listen, and lets every firewall in between it through? check LXD_POOL_ADDRESS"
	}
	if errors.Is(err, fs.ErrPermission) {
		next = "run it as root, or as a member of the group that the daemon admits"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = errno
	}
	return &pool.Error{Kind: pool.ErrUnreachable, Next: next, Cause: notSent{err},
		Text: "cannot reach lxd-poold at " + c.where + ": " + err.Error()}
}

// notSent marks the failure of a call that never reached a daemon.
type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }

func readProblem(answer *http.Response) error {
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	var p api.Problem
	if kind != api.ProblemType || json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&p) != nil || p.Code == "" {
		return pool.Errorf(pool.ErrUnreachable, "is that the socket of lxd-poold?",
			"cannot understand the answer: status %s without a reason", answer.Status)
	}
	return p.Err()
}

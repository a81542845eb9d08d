package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"sync"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// ListFiles returns what is in a directory of the instance of a running lease,
// by name, or the one file that the path names.
func (c *Client) ListFiles(ctx context.Context, id pool.LeaseID, at string) ([]pool.File, error) {
	var list []*api.File
	_, err := c.do(ctx, call{op: api.OpListFiles, at: []string{string(id)}, query: url.Values{"path": {at}}}, &list)
	return api.Files(list), err
}

// DeleteFile deletes a file, a link or an empty directory of the instance of a
// running lease; with recursive also a directory and all that is in it.
func (c *Client) DeleteFile(ctx context.Context, id pool.LeaseID, at string, recursive bool) error {
	query := url.Values{"path": {at}}
	if recursive {
		query.Set("recursive", "true")
	}
	_, err := c.do(ctx, call{op: api.OpDeleteFile, at: []string{string(id)}, query: query}, nil)
	return err
}

// PullFile writes the content of a regular file of the instance of a running
// lease to what to returns (see [pool.Manager.PullFile]). After an error a part
// of it may have been written.
func (c *Client) PullFile(ctx context.Context, id pool.LeaseID, at string, to func(pool.File) (io.Writer, error)) error {
	answer, err := c.download(ctx, api.OpPullFile, id, at)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	f, err := api.FileOf(answer.Header)
	if err != nil {
		return c.broken(ctx, err)
	}
	f.Name = path.Base(at)
	w, err := to(f)
	if err != nil {
		return err
	}
	_, err = c.receive(ctx, id, answer, w, f.Size)
	return err
}

// PullTree writes a file or a directory of the instance of a running lease, with
// all that is in it, as a tar stream (see [pool.Manager.PullTree]).
func (c *Client) PullTree(ctx context.Context, id pool.LeaseID, at string, to io.Writer) (pool.Transfer, error) {
	answer, err := c.download(ctx, api.OpPullTree, id, at)
	if err != nil {
		return pool.Transfer{}, err
	}
	defer answer.Body.Close()
	return c.receive(ctx, id, answer, to, 0)
}

// PushFile writes a regular file of the instance of a running lease, whole or
// not at all (see [pool.Manager.PushFile]). from may still be read from once
// after PushFile has returned an error; what was read is lost.
func (c *Client) PushFile(ctx context.Context, id pool.LeaseID, at string, from io.Reader, o pool.PushOptions) error {
	return c.upload(ctx, call{op: api.OpPushFile, at: []string{string(id)}, query: api.PushQuery(at, o)}, from, nil)
}

// PushTree makes what is in a tar stream in a directory of the instance of a
// running lease (see [pool.Manager.PushTree]). For from see [Client.PushFile].
func (c *Client) PushTree(ctx context.Context, id pool.LeaseID, at string, from io.Reader, o pool.PushOptions) (sum pool.Transfer, err error) {
	err = c.upload(ctx, call{op: api.OpPushTree, at: []string{string(id)}, query: api.PushQuery(at, o)}, from, &sum)
	return sum, err
}

func (c *Client) download(ctx context.Context, op api.Operation, id pool.LeaseID, at string) (*http.Response, error) {
	return c.send(ctx, call{op: op, at: []string{string(id)}, query: url.Values{"path": {at}}, header: http.Header{"Te": {"trailers"}}})
}

// receive writes what comes. Only its trailer tells that it is all.
func (c *Client) receive(ctx context.Context, id pool.LeaseID, answer *http.Response, to io.Writer, size int64) (sum pool.Transfer, err error) {
	body := &source{Reader: answer.Body, ctx: ctx, now: pool.Progress{Stage: "pulling", Total: size}}
	_, err = io.CopyBuffer(onlyWriter{to}, onlyReader{body}, make([]byte, transferBuffer))
	if failed := body.end(); failed != nil {
		return pool.Transfer{}, c.lost(ctx, id, failed)
	}
	if err != nil {
		return pool.Transfer{}, err // the writer's
	}
	if text := answer.Trailer.Get(api.ProblemTrailer); text != "" {
		var p api.Problem
		if err := api.DecodeTrailer(text, &p); err != nil {
			return pool.Transfer{}, c.broken(ctx, err)
		}
		return pool.Transfer{}, p.Err()
	}
	if err := api.DecodeTrailer(answer.Trailer.Get(api.TransferTrailer), &sum); err != nil {
		return pool.Transfer{}, c.lost(ctx, id, errNoEnd)
	}
	return sum, nil
}

// transferBuffer is how much is passed on at once.
const transferBuffer = 256 << 10

// lost explains a transfer that broke off.
func (c *Client) lost(ctx context.Context, id pool.LeaseID, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if l, asked := c.Lease(ctx, id); asked == nil && l.Ended != nil {
		return pool.Errorf(pool.ErrLeaseEnded, "", "cannot go on in %s: its lease %s has ended (%s)", l.Instance, id, l.Ended.Cause)
	}
	return c.broken(ctx, err)
}

// upload sends a body of any size. What is refused before it is sent is not
// read at all: the daemon is asked first.
func (c *Client) upload(ctx context.Context, what call, from io.Reader, out any) error {
	body := &source{Reader: from, ctx: ctx, now: pool.Progress{Stage: "pushing", Total: sizeOf(from)}}
	what.body, what.kind, what.header = body, what.op.Route().Upload, http.Header{"Expect": {"100-continue"}}
	_, err := c.do(ctx, what, out)
	if failed := body.end(); failed != nil && ctx.Err() == nil && errors.Is(err, pool.ErrUnreachable) {
		return failed
	}
	return err
}

// sizeOf is how much there is to read, 0 when that cannot be told.
func sizeOf(from io.Reader) int64 {
	f, ok := from.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// source is what is read from. It tells how much that is, until its end, and
// notes what failed.
type source struct {
	io.Reader
	ctx context.Context

	mu     sync.Mutex
	now    pool.Progress
	failed error
	over   bool
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, io.ErrClosedPipe
	}
	s.now.Done += int64(n)
	pool.Report(s.ctx, s.now)
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return n, err
}

// end returns what failed. A Read that still is under way is not noticed.
func (s *source) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.failed
}

// onlyReader and onlyWriter keep io.Copy from another way than the given buffer.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// download is an answer of any size. It begins with what is written first, so
// that what fails before is answered as always.
type download struct {
	r       *request
	control *http.ResponseController
	begun   bool

	mu   sync.Mutex
	over bool
}

func newDownload(r *request) *download {
	return &download{r: r, control: http.NewResponseController(r.w)}
}

func (d *download) begin(kind string) {
	d.begun = true
	h := d.r.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Trailer", api.TransferTrailer+", "+api.ProblemTrailer)
	d.r.w.WriteHeader(http.StatusOK)
}

func (d *download) Write(data []byte) (int, error) {
	if !d.begun {
		d.begin(api.ArchiveType)
	}
	return d.r.w.Write(data)
}

// SetWriteDeadline is called when there is nothing more to be written than why.
// A caller who does not read has a little time for that.
func (d *download) SetWriteDeadline(time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return nil
	}
	return d.control.SetWriteDeadline(time.Now().Add(partingTime))
}

// end tells how it went. Who does not take trailers must not take what broke
// off for the whole: then the connection breaks off too.
func (d *download) end(sum pool.Transfer, err error) error {
	d.mu.Lock()
	d.over = true
	d.mu.Unlock()
	switch {
	case !d.begun:
		return err
	case err == nil:
		d.r.w.Header().Set(api.TransferTrailer, api.EncodeTrailer(sum))
	case d.r.Context().Err() != nil || !takesTrailers(d.r):
		panic(http.ErrAbortHandler)
	default:
		d.r.w.Header().Set(api.ProblemTrailer, api.EncodeTrailer(api.NewProblem(err)))
	}
	if d.control.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
	d.control.SetWriteDeadline(time.Time{})
	return errAnswered
}

func takesTrailers(r *request) bool {
	for _, field := range r.Header.Values("Te") {
		for word := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(word), "trailers") {
				return true
			}
		}
	}
	return false
}

// upload is a body of any size. It may take any time to come, but not be silent
// for longer than another body may take.
type upload struct {
	r       *request
	control *http.ResponseController

	mu  sync.Mutex
	cut bool
}

// newUpload takes over a request. Its context no longer ends when the caller
// leaves, which a Read tells; it would also end when a Read takes too long, and
// then nobody would be told why.
func newUpload(r *request) *upload {
	r.Request = r.WithContext(context.WithoutCancel(r.Context()))
	u := &upload{r: r, control: http.NewResponseController(r.w)}
	u.control.EnableFullDuplex() // so that a refusal does not wait for the body
	return u
}

func (u *upload) Read(p []byte) (int, error) {
	u.allow(bodyTimeout)
	n, err := u.r.Body.Read(p)
	switch {
	case err == io.EOF:
		u.control.SetReadDeadline(time.Time{}) // which a server that listens for a hangup would meet
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = wrong{http.StatusRequestTimeout, pool.Invalidf("send it again", "cannot go on: nothing more came for %s", bodyTimeout)}
	case err != nil:
		err = pool.Invalidf("send it again", "cannot go on: what was sent breaks off: %w", err)
	}
	return n, err
}

// allow gives the next read so much time, unless there is to be none.
func (u *upload) allow(long time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.cut {
		u.control.SetReadDeadline(time.Now().Add(long))
	}
}

// SetReadDeadline ends the reading.
func (u *upload) SetReadDeadline(at time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut = true
	return u.control.SetReadDeadline(at)
}

// refuse tells what went wrong, and then takes what still is on its way, for a
// while: who writes into a closed connection does not get to read the answer.
func (u *upload) refuse(s *Server, err error) error {
	s.fail(u.r, err)
	u.mu.Lock()
	u.cut = false
	u.mu.Unlock()
	u.allow(partingTime)
	u.mu.Lock()
	u.cut = true
	u.mu.Unlock()
	io.Copy(io.Discard, u.r.Body)
	return errAnswered
}

// drain takes what follows the end of a tar stream, which is padding.
func (u *upload) drain() {
	u.allow(partingTime)
	if _, err := io.CopyN(io.Discard, u.r.Body, api.MaxBody); err == io.EOF {
		u.control.SetReadDeadline(time.Time{})
	}
}

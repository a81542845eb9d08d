package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// ImportImage makes an image in LXD's store from files, which are sent as they
// are read. When ctx ends first nothing is left of it; a file may still be read
// from once after that.
func (c *Client) ImportImage(ctx context.Context, i pool.ImportImage) (*pool.Image, error) {
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		err := writeImage(ctx, form, i)
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			cancel(err) // a file that cannot be read: it is no fault of the daemon
		}
		in.CloseWithError(err)
	}()
	// The transport waits for a body that is being read, whatever ctx says.
	defer context.AfterFunc(ctx, func() { out.CloseWithError(io.ErrClosedPipe) })()
	made, err := c.image(ctx, call{op: api.OpImportImage, body: out, kind: form.FormDataContentType()})
	out.CloseWithError(io.ErrClosedPipe)
	return made, err
}

// writeImage writes the form that api describes.
func writeImage(ctx context.Context, form *multipart.Writer, i pool.ImportImage) error {
	about, err := form.CreateFormField(api.PartImage)
	if err == nil {
		err = json.NewEncoder(about).Encode(struct {
			pool.ImportImage
			Split bool `json:"split,omitempty"`
		}{i, i.Rootfs != nil})
	}
	sent := &sending{ctx: ctx, total: i.Size}
	for _, file := range []struct {
		name string
		from io.Reader
	}{{api.PartMetadata, i.Metadata}, {api.PartRootfs, i.Rootfs}} {
		if err != nil || file.from == nil {
			continue
		}
		var part io.Writer
		if part, err = form.CreateFormFile(file.name, file.name); err == nil {
			_, err = io.Copy(io.MultiWriter(part, sent), file.from)
		}
	}
	if err != nil {
		return err
	}
	return form.Close()
}

// sending reports how much of something was passed on.
type sending struct {
	ctx         context.Context
	stage       string
	done, total int64
}

func (s *sending) Write(data []byte) (int, error) {
	s.done += int64(len(data))
	stage := s.stage
	if stage == "" {
		stage = "sending the image"
	}
	pool.Report(s.ctx, pool.Progress{Stage: stage, Done: s.done, Total: s.total})
	return len(data), nil
}

// ExportImage writes the files of an image of LXD's store, one after the other,
// to what to returns for each, and compares their sum with the fingerprint. After
// an error what was written is worth nothing.
func (c *Client) ExportImage(ctx context.Context, ref pool.ImageRef, to func(pool.ImageFile) (io.Writer, error)) (*pool.Image, error) {
	if err := ref.Here("export"); err != nil {
		return nil, err
	}
	image, err := c.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	ref.Name = image.Fingerprint
	answer, err := c.send(ctx, call{op: api.OpExportImage, at: []string{ref.Name}, query: imageQuery(ref)})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	got := &sending{ctx: ctx, stage: "receiving the image", total: image.Size}
	summed, check := pool.SumImage(image, func(f pool.ImageFile) (io.Writer, error) {
		w, err := to(f)
		if err != nil {
			return nil, err
		}
		return io.MultiWriter(w, got), nil
	})
	if err := c.receiveImage(ctx, answer, summed); err != nil {
		return nil, err
	}
	return image, check()
}

func (c *Client) receiveImage(ctx context.Context, answer *http.Response, to func(pool.ImageFile) (io.Writer, error)) error {
	kind, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		_, naming, _ := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
		return c.receiveFile(ctx, answer.Body, pool.ImageFile{Part: pool.WholeImage, Name: naming["filename"], Size: answer.ContentLength}, to)
	}
	form := multipart.NewReader(answer.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return c.broken(ctx, err)
		}
		file := pool.ImageFile{Part: pool.ImagePart(part.FormName()), Name: part.FileName(), Size: -1}
		if err := c.receiveFile(ctx, part, file, to); err != nil {
			return err
		}
	}
}

// receiveFile tells a connection that broke from a file that cannot be written.
func (c *Client) receiveFile(ctx context.Context, from io.Reader, file pool.ImageFile, to func(pool.ImageFile) (io.Writer, error)) error {
	w, err := to(file)
	if err != nil {
		return err
	}
	reading := &reader{Reader: from}
	if _, err = io.Copy(w, reading); err != nil && reading.err == err {
		return c.broken(ctx, err)
	}
	return err
}

// reader remembers how reading failed.
type reader struct {
	io.Reader
	err error
}

func (r *reader) Read(buffer []byte) (n int, err error) {
	n, err = r.Reader.Read(buffer)
	if err != io.EOF {
		r.err = err
	}
	return n, err
}

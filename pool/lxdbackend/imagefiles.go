package lxdbackend

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"github.com/lxd-pool/lxd-pool/pool"
)

// ImportImage passes the files on to LXD as they come.
func (b *Backend) ImportImage(ctx context.Context, i pool.ImportImage) (*pool.Image, error) {
	return b.makeImage(ctx, imageMaking{NewImage: i.NewImage, what: "cannot import the image", stage: "unpacking the image",
		begin: func(ctx context.Context) (*api.Operation, error) {
			header := http.Header{"X-Lxd-Properties": {encode(i.Properties)}}
			if i.Public {
				header.Set("X-Lxd-Public", "true")
			}
			counted := &counter{report: func(done int64) {
				pool.Report(ctx, pool.Progress{Stage: "sending the image", Done: done, Total: i.Size})
			}}
			answer, err := b.sendImage(ctx, i, header, counted)
			if err != nil {
				return nil, err
			}
			return answer.MetadataAsOperation()
		}})
}

func encode(properties map[string]string) string {
	values := url.Values{}
	for key, value := range properties {
		values.Set(key, value)
	}
	return values.Encode()
}

// sendImage sends a unified image as it is, and the files of a split one as
// the parts of a form.
func (b *Backend) sendImage(ctx context.Context, i pool.ImportImage, header http.Header, counted *counter) (*api.Response, error) {
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	write := func() error { return writeForm(form, i, counted) }
	header.Set("Content-Type", form.FormDataContentType())
	if i.Rootfs == nil {
		header.Set("Content-Type", "application/octet-stream")
		header.Set("X-Lxd-Filename", "image")
		write = func() error { return passOn(in, counted, i.Metadata) }
	}
	failed := make(chan error, 1)
	go func() {
		err := write()
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			failed <- err
		}
		in.CloseWithError(err)
	}()
	// The transport waits for a body that is being read, whatever ctx says.
	defer context.AfterFunc(ctx, func() { out.CloseWithError(io.ErrClosedPipe) })()
	answer, err := b.lxd.Upload(ctx, inProject("/1.0/images", i.Project), header, out)
	out.CloseWithError(io.ErrClosedPipe) // when LXD did not read to the end
	select {
	case unread := <-failed: // the file is at fault, not LXD
		return nil, unread
	default:
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // what came of that first is of no interest
	}
	return answer, err
}

func passOn(to io.Writer, counted *counter, from io.Reader) error {
	_, err := io.Copy(io.MultiWriter(to, counted), from)
	return err
}

// rootfsMarks are how a root file system begins: LXD takes any file for one, and
// fails when an instance is made of it. A tarball that is not packed has its mark
// further on.
var rootfsMarks = []string{"hsqs", "\x1f\x8b", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "BZh", "\x5d\x00\x00"}

const (
	diskMark  = "QFI\xfb" // of a virtual machine (qcow2)
	tarMark   = "ustar"
	tarMarkAt = 257
)

// rootfsField is what LXD calls a root file system that begins so.
func rootfsField(rootfs *bufio.Reader) (string, error) {
	start, _ := rootfs.Peek(tarMarkAt + len(tarMark))
	text := string(start)
	if strings.HasPrefix(text, diskMark) {
		return "rootfs.img", nil
	}
	for _, mark := range rootfsMarks {
		if strings.HasPrefix(text, mark) {
			return "rootfs", nil
		}
	}
	if len(text) > tarMarkAt && text[tarMarkAt:] == tarMark {
		return "rootfs", nil
	}
	return "", pool.Errorf(pool.ErrRejected, "", "cannot import the image: its root file system is neither a squashfs, nor a tarball, nor a qcow2 disk")
}

func writeForm(form *multipart.Writer, i pool.ImportImage, counted *counter) error {
	part, err := form.CreateFormFile("metadata", "metadata")
	if err == nil {
		err = passOn(part, counted, i.Metadata)
	}
	if err != nil {
		return err
	}
	rootfs := bufio.NewReader(i.Rootfs)
	field, err := rootfsField(rootfs)
	if err != nil {
		return err
	}
	part, err = form.CreateFormFile(field, "rootfs")
	if err == nil {
		err = passOn(part, counted, rootfs)
	}
	if err != nil {
		return err
	}
	return form.Close()
}

// counter reports how much was written.
type counter struct {
	done   int64
	report func(int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	c.report(c.done)
	return len(p), nil
}

// ExportImage passes the files on as LXD sends them.
func (b *Backend) ExportImage(ctx context.Context, ref pool.ImageRef, to func(pool.ImageFile) (io.Writer, error)) error {
	what := "cannot export image " + ref.String()
	found, err := b.lookUpImage(ctx, ref)
	if err != nil {
		return fail(kindOfImage(err), what, err)
	}
	answer, err := b.lxd.Download(ctx, imagePath(found.Fingerprint, "/export", ref.Project))
	if err != nil {
		return fail(kindOfImage(err), what, err)
	}
	defer answer.Body.Close()
	counted := &counter{report: func(done int64) {
		pool.Report(ctx, pool.Progress{Stage: "receiving the image", Done: done, Total: found.Size})
	}}
	err = receiveImage(answer, func(f pool.ImageFile) (io.Writer, error) {
		w, err := to(f)
		if err != nil {
			return nil, err
		}
		return io.MultiWriter(w, counted), nil
	})
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fail(pool.ErrFailed, what, err)
}

func receiveImage(answer *http.Response, to func(pool.ImageFile) (io.Writer, error)) error {
	kind, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		_, naming, _ := mime.ParseMediaType(answer.Header.Get("Content-Disposition"))
		return receiveFile(answer.Body, pool.ImageFile{Part: pool.WholeImage, Name: naming["filename"], Size: answer.ContentLength}, to)
	}
	form := multipart.NewReader(answer.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &awayError{err}
		}
		file := pool.ImageFile{Part: pool.ImageRootfs, Name: part.FileName(), Size: -1}
		if part.FormName() == "metadata" {
			file.Part = pool.ImageMetadata
		}
		if err := receiveFile(part, file, to); err != nil {
			return err
		}
	}
}

func receiveFile(from io.Reader, file pool.ImageFile, to func(pool.ImageFile) (io.Writer, error)) error {
	w, err := to(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return err
}

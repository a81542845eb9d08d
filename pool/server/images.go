package server

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

// image returns the image of the path.
func (r *request) image() pool.ImageRef {
	query := r.URL.Query()
	return pool.ImageRef{
		Remote: pool.RemoteName(query.Get("remote")), Project: query.Get("project"), Name: r.PathValue("image"), Type: pool.Type(query.Get("type")),
	}
}

func (s *Server) listImages(r *request) (any, error) {
	query := r.URL.Query()
	return s.manager.Images(r.Context(), pool.RemoteName(query.Get("remote")), r.project(), query["filter"]...)
}

func (s *Server) getImage(r *request) (any, error) {
	return s.manager.Image(r.Context(), r.image())
}

func (s *Server) patchImage(r *request) (any, error) {
	var body pool.ImageEdit
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.manager.EditImage(r.Context(), r.image(), body)
}

func (s *Server) deleteImage(r *request) (any, error) {
	force, err := r.flag("force")
	if err != nil {
		return nil, err
	}
	return nil, s.manager.DeleteImage(r.Context(), r.image(), force)
}

// What takes long ends when the server begins to shut down; then nothing is left
// of it, and it can be asked for again.

func (s *Server) copyImage(r *request) (any, error) {
	var body pool.CopyImage
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	made, err := s.manager.CopyImage(ctx, body)
	return made, orClosed(ctx, err)
}

func (s *Server) refreshImage(r *request) (any, error) {
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	refreshed, err := s.manager.RefreshImage(ctx, r.image())
	return api.RefreshedImage{Refreshed: refreshed}, orClosed(ctx, err)
}

func (s *Server) publishInstance(r *request) (any, error) {
	var body api.PublishInstance
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	made, err := s.manager.PublishInstance(ctx, body.Project, body.Instance, body.PublishImage)
	return made, orClosed(ctx, err)
}

func (s *Server) publish(r *request) (any, error) {
	var body api.Publish
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	made, err := s.manager.Publish(ctx, r.grant.Lease.ID, pool.PublishImage{
		NewImage: pool.NewImage{Aliases: body.Aliases, Public: body.Public}, Properties: body.Properties, Operator: r.caller.Role == Operator,
	})
	return made, orClosed(ctx, err)
}

func (s *Server) listImageAliases(r *request) (any, error) {
	list, err := s.manager.ImageAliases(r.Context(), r.project())
	if list == nil {
		list = []pool.ImageAlias{}
	}
	return list, err
}

func (s *Server) createImageAlias(r *request) (any, error) {
	var body pool.ImageAlias
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	return s.manager.CreateImageAlias(r.Context(), r.project(), body)
}

func (s *Server) deleteImageAlias(r *request) (any, error) {
	force, err := r.flag("force")
	if err != nil {
		return nil, err
	}
	return nil, s.manager.DeleteImageAlias(r.Context(), r.project(), r.PathValue("alias"), force)
}

// importImage passes the files on as they come, for as long as they come: it is
// the caller who says when it takes too long.
func (s *Server) importImage(r *request) (any, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, pool.Invalidf("send multipart/form-data", "cannot import an image: %w", err)
	}
	body, err := r.readImport(form)
	if err != nil {
		return nil, err
	}
	http.NewResponseController(r.w).SetReadDeadline(time.Time{})
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	made, err := s.manager.ImportImage(ctx, *body)
	return made, orClosed(ctx, err)
}

// readImport reads what comes before the files.
func (r *request) readImport(form *multipart.Reader) (*pool.ImportImage, error) {
	first, err := nextPart(form, api.PartImage)
	if err != nil {
		return nil, err
	}
	var body struct {
		pool.ImportImage
		Split bool `json:"split"`
	}
	d := json.NewDecoder(io.LimitReader(first, api.MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return nil, badBody(err)
	}
	body.Metadata = &partReader{form: form, name: api.PartMetadata}
	if body.Split {
		body.Rootfs = &partReader{form: form, name: api.PartRootfs}
	}
	return &body.ImportImage, nil
}

func nextPart(form *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := form.NextPart()
	if err != nil {
		return nil, pool.Invalidf("", "cannot import an image: the part %q is missing: %w", name, err)
	}
	if part.FormName() != name {
		return nil, pool.Invalidf("", "cannot import an image: the part %q comes where %q should be", part.FormName(), name)
	}
	return part, nil
}

// partReader is a part of a form, which begins when it is first read.
type partReader struct {
	form *multipart.Reader
	name string
	part *multipart.Part
}

func (p *partReader) Read(buffer []byte) (int, error) {
	if p.part == nil {
		part, err := nextPart(p.form, p.name)
		if err != nil {
			return 0, err
		}
		p.part = part
	}
	return p.part.Read(buffer)
}

// exportImage writes one file as it is, and two as the parts of a form. After an
// error half way the connection is broken off, so that nobody takes it for all.
func (s *Server) exportImage(r *request) error {
	ctx, done := s.untilShutdown(r.Context())
	defer done()
	out := &exported{w: r.w}
	_, err := s.manager.ExportImage(ctx, r.image(), out.open)
	switch {
	case err != nil && !out.begun:
		return orClosed(ctx, err)
	case err != nil:
		s.log.Warn("an image was not sent to its end", "err", err)
		panic(http.ErrAbortHandler)
	case out.form != nil:
		out.form.Close() // the caller may have left
	}
	return nil
}

// exported is the answer that files of an image are written to.
type exported struct {
	w     http.ResponseWriter
	begun bool
	form  *multipart.Writer
}

func (e *exported) open(f pool.ImageFile) (io.Writer, error) {
	e.begin(f)
	if e.form == nil {
		return e.w, nil
	}
	return e.form.CreateFormFile(string(f.Part), f.Name)
}

func (e *exported) begin(f pool.ImageFile) {
	if e.begun {
		return
	}
	e.begun = true
	header := e.w.Header()
	header.Set("Content-Type", api.OpExportImage.Route().Content)
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	if f.Part != pool.WholeImage {
		e.form = multipart.NewWriter(e.w)
		header.Set("Content-Type", e.form.FormDataContentType())
	} else if f.Size >= 0 {
		header.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	}
	e.w.WriteHeader(http.StatusOK)
}

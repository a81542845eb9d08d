package server

import (
	"io"
	"net/http"
	"strconv"

	"github.com/lxd-pool/lxd-pool/pool"
	"github.com/lxd-pool/lxd-pool/pool/api"
)

func (r *request) path() string { return r.URL.Query().Get("path") }

func (s *Server) listFiles(r *request) (any, error) {
	files, err := s.manager.ListFiles(r.Context(), r.grant.Lease.ID, r.path())
	if err != nil {
		return nil, err
	}
	return api.NewFiles(files), nil
}

func (s *Server) deleteFile(r *request) (any, error) {
	recursive, err := r.flag("recursive")
	if err != nil {
		return nil, err
	}
	return nil, s.manager.DeleteFile(r.Context(), r.grant.Lease.ID, r.path(), recursive)
}

func (s *Server) pullFile(r *request) error {
	d := newDownload(r)
	var sum pool.Transfer
	err := s.manager.PullFile(r.Context(), r.grant.Lease.ID, r.path(), func(f pool.File) (io.Writer, error) {
		sum.Files, sum.Bytes = 1, f.Size
		api.DescribeFile(r.w.Header(), f)
		d.begin(api.ContentType)
		return d, nil
	})
	return d.end(sum, err)
}

func (s *Server) pullTree(r *request) error {
	d := newDownload(r)
	sum, err := s.manager.PullTree(r.Context(), r.grant.Lease.ID, r.path(), d)
	return d.end(sum, err)
}

func (s *Server) pushFile(r *request) error {
	o, err := r.pushOptions()
	if err != nil {
		return err
	}
	u := newUpload(r)
	if err := s.manager.PushFile(r.Context(), r.grant.Lease.ID, r.path(), u, o); err != nil {
		return u.refuse(s, err)
	}
	return write(r.w, http.StatusNoContent, "", nil)
}

func (s *Server) pushTree(r *request) error {
	o, err := r.pushOptions()
	if err != nil {
		return err
	}
	u := newUpload(r)
	sum, err := s.manager.PushTree(r.Context(), r.grant.Lease.ID, r.path(), u, o)
	if err != nil {
		return u.refuse(s, err)
	}
	u.drain()
	return write(r.w, http.StatusOK, "application/json", sum)
}

// pushOptions reads the parameters of a push.
func (r *request) pushOptions() (o pool.PushOptions, err error) {
	query := r.URL.Query()
	if query.Has("mode") {
		mode, err := pool.ParseFileMode(query.Get("mode"))
		if err != nil {
			return o, err
		}
		o.Mode = &mode
	}
	for name, owner := range map[string]**int{"uid": &o.UID, "gid": &o.GID} {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.ParseUint(query.Get(name), 10, 32)
		if err != nil {
			return o, pool.Invalidf("", "cannot use %s=%q: it is a number", name, query.Get(name))
		}
		*owner = new(int(n))
	}
	o.Parents, err = r.flag("parents")
	return o, err
}
